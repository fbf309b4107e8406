package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/mutation"
	"uetest/internal/runs"
)

// findPass returns where a saved pass of mutants is: by its id, the beginning of one
// that no other has, or the path of its folder. It is empty if name is of none.
func findPass(cache, name string) (dir string, err error) {
	if _, err := os.Stat(filepath.Join(name, mutation.SavedName)); err == nil {
		return name, nil
	}
	ids, err := mutation.IDs(cache)
	if err != nil {
		return "", err
	}
	if found := runs.Match(ids, name); len(found) == 1 {
		return filepath.Join(mutation.Home(cache), found[0]), nil
	}
	return "", nil
}

// pass shows a saved pass of mutants.
func (f *reportFlags) pass(c *cobra.Command, dir string) error {
	if len(f.out) > 0 || f.format != "text" && f.format != "json" || f.mutants.file != "" || f.tester != "" {
		return blame.On(blame.Usage, errors.New("a pass of mutants is shown with --format text or json; 'uetest report RUN --mutants --out html=FILE' marks the patch of a run with it"))
	}
	table, err := mutation.Open(dir)
	if err != nil {
		return err
	}
	if f.format == "json" {
		return blame.On(blame.Host, table.WriteJSON(c.OutOrStdout()))
	}
	r := mutation.Report{W: c.OutOrStdout(), Color: wantColor(c.OutOrStdout()), Verbose: f.verbose}
	for i := range table.Outcomes {
		err = errors.Join(err, r.Line(&table.Outcomes[i]))
	}
	return blame.On(blame.Host, errors.Join(err, r.Foot(table, table.Of)))
}

// listPass writes the line that a list has of a pass.
func listPass(w io.Writer, l *mutation.Listed) error {
	if l.Err != nil {
		_, err := fmt.Fprintf(w, "%s\t%s\n", l.ID, strings.ReplaceAll(l.Err.Error(), "\n", " "))
		return err
	}
	t := l.Table
	of, end := "all", fmt.Sprintf("exit %d", t.Exit())
	if t.Select != "" {
		of = "part"
	}
	if t.Left() > 0 {
		end = fmt.Sprintf("%d left", t.Left())
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%d mutants (%s): %s\t%s\n", l.ID, t.On, t.Of, of, t.Counts(t.Of), end)
	return err
}
