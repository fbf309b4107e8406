package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	buildinfo "runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/git"
	"uetest/internal/report"
	"uetest/internal/runs"
)

// outputFlags say in which formats a record is written, and where to.
type outputFlags struct {
	format  string
	out     []string
	verbose bool
	origin  string
}

func (f *outputFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.format, "format", "text", "what to print: "+strings.Join(formatNames(), ", "))
	fl.StringArrayVar(&f.out, "out", nil, "FORMAT=FILE, also write the results there; repeatable")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "text: show each test of a known fault, and each that differs")
	fl.StringVar(&f.origin, "origin", "", "kcidb: the name that KernelCI knows the submitter by (default: uetest)")
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

func findFormat(name string) (report.Format, error) {
	f, ok := report.FormatByName(name)
	if !ok {
		return f, blame.On(blame.Usage, errorf("no format %q; there are %s", name, strings.Join(formatNames(), ", ")))
	}
	return f, nil
}

// outputs are what a verb writes.
type outputs struct {
	options report.Options
	stdout  io.Writer
	format  report.Format
	files   []*outFile
}

// outFile is one --out FORMAT=FILE.
type outFile struct {
	format report.Format
	name   string

	now *os.File // open if what comes is written as it comes
	err error    // of such a write
}

// output reads the flags.
func (f *outputFlags) output(c *cobra.Command) (*outputs, error) {
	o := &outputs{stdout: c.OutOrStdout(), options: report.Options{Verbose: f.verbose, Origin: f.origin}}
	if strings.Trim(f.origin, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return nil, blame.On(blame.Usage, errorf("--origin %s: expected small letters, digits and _, as KCIDB has it", f.origin))
	}
	var err error
	if o.format, err = findFormat(f.format); err != nil {
		return nil, err
	}
	for _, a := range f.out {
		name, file, ok := strings.Cut(a, "=")
		if !ok || file == "" {
			return nil, blame.On(blame.Usage, errorf("--out %s: expected FORMAT=FILE", a))
		}
		format, err := findFormat(name)
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return nil, blame.On(blame.Usage, errorf("--out %s: there is no directory %s", a, filepath.Dir(file)))
		}
		o.files = append(o.files, &outFile{format: format, name: file})
	}
	return o, nil
}

// signer is who signs a mail, if one is to be written: whom the flag names, or
// whom git knows. Empty if nobody does.
func (o *outputs) signer(ctx context.Context, flag string) (string, error) {
	mail := o.format.Name == "mail" || slices.ContainsFunc(o.files, func(f *outFile) bool { return f.format.Name == "mail" })
	if !mail || flag != "" {
		return flag, nil
	}
	return git.Identity(ctx)
}

// live has what can be written as it comes written so.
func (o *outputs) live(rec *runs.Recorder) {
	if o.format.Live {
		rec.Tee(o.stdout)
	}
	for _, f := range o.files {
		if !f.format.Live {
			continue
		}
		if f.now, f.err = os.Create(f.name); f.err == nil {
			rec.Tee(f)
		}
	}
}

// Write keeps the first error: who writes as things come has nobody to tell.
func (f *outFile) Write(b []byte) (int, error) {
	n, err := f.now.Write(b)
	if f.err == nil {
		f.err = err
	}
	return n, err
}

// write writes the record, but what was written as it came. To standard output
// only if it is asked for.
func (o *outputs) write(rec *runs.Record, print bool) error {
	var errs []error
	for _, f := range o.files {
		errs = append(errs, f.write(rec, o.options))
	}
	if print && !o.format.Live {
		errs = append(errs, o.print(rec))
	}
	return blame.On(blame.Host, errors.Join(errs...))
}

// print writes the record to standard output.
func (o *outputs) print(rec *runs.Record) error {
	options := o.options
	options.Color = wantColor(o.stdout)
	return o.format.Write(o.stdout, rec, options)
}

func (f *outFile) write(rec *runs.Record, options report.Options) error {
	switch {
	case f.now != nil:
		return errors.Join(f.err, f.now.Close())
	case f.err != nil:
		return f.err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if f.format.Appends {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	w, err := os.OpenFile(f.name, flags, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(f.format.Write(w, rec, options), w.Close())
}

// commit is what scripts/setup had the program built of.
var commit string

// revision is the commit that this program was built of; empty if it does not
// know.
func revision() string {
	if commit != "" {
		return commit
	}
	info, ok := buildinfo.ReadBuildInfo()
	if !ok {
		return ""
	}
	id, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			id = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "-dirty"
		}
	}
	if id == "" {
		return ""
	}
	return id + changed
}
