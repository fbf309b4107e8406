package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/manpage"
)

func newMan() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "man [VERB...|TOPIC]",
		Short: "write the manual's pages",
		Long: `Man prints the page of a verb or a topic, of uetest itself if none is named, as
roff; or, with --dir, writes all pages below a directory that man looks in: verbs
in its man1, topics in its man7. man finds ~/.local/share/man if ~/.local/bin is in
$PATH.

The pages are made of what uetest help says, and hold nothing of the day or the
machine.`,
		Example: `  uetest man run | man -l -
  uetest man --dir ~/.local/share/man && man uetest-run`,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			if dir != "" {
				if len(args) > 0 {
					return blame.On(blame.Usage, usageError{c, errorf("--dir writes all pages: leave %s out", strings.Join(args, " "))})
				}
				return blame.On(blame.Host, writePages(c, root, dir))
			}
			of, err := pageOf(root, args)
			if err != nil {
				return blame.On(blame.Usage, usageError{c, err})
			}
			return blame.On(blame.Host, manpage.Write(c.OutOrStdout(), of))
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "write all pages below this directory")
	return c
}

// pageOf is the verb or the topic that args name; the root, if they name none.
func pageOf(root *cobra.Command, args []string) (*cobra.Command, error) {
	of, rest, err := root.Find(args)
	if err != nil || len(rest) > 0 {
		return nil, errorf("no verb and no topic %q: expected one that 'uetest help' lists", strings.Join(args, " "))
	}
	return of, nil
}

func writePages(c, root *cobra.Command, dir string) error {
	pages := manpage.Pages(root)
	for _, page := range pages {
		section := manpage.Section(page)
		folder := filepath.Join(dir, "man"+section)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(folder, manpage.Name(page)+"."+section))
		if err != nil {
			return err
		}
		if err := errors.Join(manpage.Write(f, page), f.Close()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%d pages below %s\n", len(pages), dir)
	return err
}
