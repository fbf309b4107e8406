package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"uetest/internal/blame"
	"uetest/internal/doctor"
)

type doctorFlags struct {
	arch   string
	series string
	format string
}

func newDoctor() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "say what this machine lacks, what that means, and how to get it",
		Long: `Doctor looks for what uetest uses of the machine: programs and their versions,
headers, the kernels' sources, QEMU and its sandbox, KVM, memory, disk and cache,
and what killed runs have left. KVM counts if a guest runs under it.

Of what is not there it says what cannot be done without it, and the command that
gets it. Nothing is installed, changed or removed.

The exit code is 0 if the main job, uetest run, can be done, on the architectures
of --arch; else 6.`,
		Example: `  uetest doctor
  uetest doctor --arch all
  uetest doctor --format json | jq '.findings[] | select(.state == "lacks")'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.exec(c) },
	}
	fl := c.Flags()
	fl.StringVar(&f.arch, "arch", "", "architectures that the main job is for, with a comma between them, or all (default: x86_64)")
	fl.StringVar(&f.series, "series", "rfc", "the series whose kernels are to be built")
	fl.StringVar(&f.format, "format", "text", "what to print: "+strings.Join(plainFormats, ", "))
	return c
}

func (f *doctorFlags) exec(c *cobra.Command) error {
	if err := checkPlainFormat(f.format); err != nil {
		return err
	}
	arches, err := parseArches(f.arch)
	if err != nil {
		return err
	}
	limit, err := cacheLimit()
	if err != nil {
		return err
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	s, err := (&treeFlags{series: f.series}).load()
	if err != nil {
		return err
	}
	cfg := doctor.Config{Cache: dir, Limit: limit, Arches: arches, Series: s, Terminal: describeTerminal(c.OutOrStdout())}
	cfg.Root, cfg.RootErr = findRoot()
	r, err := doctor.Examine(c.Context(), cfg)
	if err != nil {
		return err
	}
	if f.format == "json" {
		enc := json.NewEncoder(c.OutOrStdout())
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(r)
	} else {
		err = r.Text(c.OutOrStdout(), wantColor(c.OutOrStdout()))
	}
	if err != nil {
		return blame.On(blame.Host, err)
	}
	if !r.OK {
		return exitCode(blame.Host)
	}
	return nil
}

// describeTerminal says what w is, if it is a terminal.
func describeTerminal(w io.Writer) string {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return ""
	}
	text := os.Getenv("TERM")
	if text == "" {
		text = "of a kind that TERM does not name"
	}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil {
		text += fmt.Sprintf(", %d columns, %d lines", width, height)
	}
	if wantColor(w) {
		return text + ", colour"
	}
	return text + ", no colour"
}
