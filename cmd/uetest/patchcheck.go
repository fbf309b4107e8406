package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
)

type checkFlags struct {
	treeFlags
	on      string
	partial bool
	fuzz    int
	json    bool
}

func newCheck() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check FILE...",
		Short: "say how patches fit a tree: which blobs are there, how each hunk applies, and why not",
		Long: `Check says of each file that the patches change whether the tree has the blob that
the patch was written for, as its index line names it, and if not, which kernel of
the series or which commit of a git tree has it; and of each hunk whether it
applies exactly, with an offset or not, and then the first line that differs.

The tree is the one of -C as it is, or a kernel of the series with --on, or else
the kernel of the series that the patches were written for. Several patches are
checked one on top of the other. Nothing is written anywhere.

The exit code is 0 if all of it applies, 3 if not.`,
		Example: `  uetest patch check fix.patch
  uetest patch check t.mbox.gz --on rfc
  uetest patch check -C linux outgoing/       a directory of git format-patch
  b4 am -o- MSGID | uetest patch check -C linux -
  uetest patch check --json fix.patch`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	f.add(c)
	c.Flags().StringVar(&f.on, "on", "", "check against this kernel of the series: "+strings.Join(kernelNames(), ", "))
	c.Flags().BoolVar(&f.json, "json", false, "print JSON, as docs/formats.md has it")
	addReading(c, &f.partial, &f.fuzz)
	return c
}

func (f *checkFlags) exec(c *cobra.Command, args []string) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if f.on != "" {
		cfg.Kernels = []string{f.on}
		if err := checkKernels(cfg.Series, cfg.Kernels); err != nil {
			return err
		}
	}
	s, err := readPatches(c.InOrStdin(), args, f.partial)
	if err != nil {
		return err
	}
	tellSeries(c.ErrOrStderr(), s)
	var top topFlags
	top.fuzz = f.fuzz
	if err := top.apply(c, &cfg); err != nil {
		return err
	}
	show := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = show.event
	fit, err := pipeline.CheckFit(c.Context(), cfg, s)
	show.close()
	if err != nil {
		return err
	}
	if f.json {
		e := json.NewEncoder(c.OutOrStdout())
		e.SetIndent("", "  ")
		err = e.Encode(fit)
	} else {
		err = printFit(c.OutOrStdout(), fit)
	}
	if err != nil {
		return blame.On(blame.Host, err)
	}
	if !fit.Applies {
		return exitCode(blame.Patch)
	}
	return nil
}

// printFit tells people how patches fit.
func printFit(w io.Writer, fit *pipeline.Fit) error {
	var b strings.Builder
	fmt.Fprintf(&b, "on %s\n", fit.Tree)
	if fit.BaseCommit != "" {
		fmt.Fprintf(&b, "base-commit %.12s%s\n", fit.BaseCommit, map[string]string{
			"no": ": this tree does not have it", "yes": ": this tree has it, on another branch",
			"ancestor": ": HEAD comes after it",
		}[fit.BaseHere])
	}
	for _, id := range fit.Prerequisites {
		fmt.Fprintf(&b, "needs the patch with the id %.12s before (prerequisite-patch-id)\n", id)
	}
	if fit.WrittenFor != nil {
		fmt.Fprintf(&b, "written for commit %s: %s\n", fit.WrittenFor, fit.WrittenFor.Subject)
	}
	if fit.Searched != "" {
		fmt.Fprintf(&b, "%s\n", fit.Searched)
	}
	var n counts
	for i := range fit.Patches {
		p := &fit.Patches[i]
		fmt.Fprintf(&b, "\n%s", p.File)
		if p.Subject != "" {
			fmt.Fprintf(&b, "  %s", p.Subject)
		}
		if p.Restored != "" {
			fmt.Fprintf(&b, "  (%s, restored, %s)", p.Form, p.Restored)
		}
		b.WriteString("\n")
		if p.Error != "" {
			fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(p.Error, "\n", "\n  "))
		}
		for j := range p.Files {
			printFitFile(&b, &p.Files[j], &n)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", n.verdict(fit))
	_, err := io.WriteString(w, b.String())
	return err
}

// counts are the hunks of each state, and the files.
type counts struct {
	files, hunks, exact, offset, fuzz, applied, fails int
}

func printFitFile(b *strings.Builder, f *pipeline.FitFile, n *counts) {
	n.files++
	from := ""
	if f.Old != "" {
		from = " from " + f.Old
	}
	fmt.Fprintf(b, "  %s: %s%s\n", f.Path, f.Action, from)
	fmt.Fprintf(b, "    before  %s\n", blobBefore(f))
	if f.Error != "" {
		fmt.Fprintf(b, "    does not apply: %s\n", f.Error)
	} else if f.After != "" {
		fmt.Fprintf(b, "    after   %s\n", blobAfter(f))
	}
	if f.Applied {
		b.WriteString("    the tree has it as the patch leaves it: it is applied already\n")
	}
	for _, h := range f.Hunks {
		n.hunks++
		fmt.Fprintf(b, "    hunk %d %s: ", h.Number, h.Header)
		switch h.State {
		case pipeline.HunkExact:
			n.exact++
			b.WriteString("applies exactly\n")
		case pipeline.HunkOffset:
			n.offset++
			fmt.Fprintf(b, "applies at line %d, offset %+d\n", h.At, h.Offset)
		case pipeline.HunkFuzz:
			n.fuzz++
			fmt.Fprintf(b, "applies at line %d, offset %+d, with fuzz %d\n", h.At, h.Offset, h.Fuzz)
		default:
			if h.State == pipeline.HunkApplied {
				n.applied++
			} else {
				n.fails++
			}
			fmt.Fprintf(b, "does not apply\n      %s\n", mismatch(&h, f.Path))
		}
	}
}

// mismatch says why a hunk does not apply.
func mismatch(h *pipeline.FitHunk, path string) string {
	if h.State == pipeline.HunkApplied {
		return h.Why
	}
	s := fmt.Sprintf("%s:%d: expected %q, found %q", path, h.FileLine, h.Want, h.Got)
	if h.AtEnd {
		s = fmt.Sprintf("%s:%d: expected %q, the file ends before", path, h.FileLine, h.Want)
	}
	if h.Why != "" {
		s += "; " + h.Why
	}
	return s
}

func blobBefore(f *pipeline.FitFile) string {
	known := ""
	if len(f.Known) > 0 {
		known = ": that is the file of " + strings.Join(f.Known, ", ")
	}
	switch {
	case f.Action == "create" && f.Before == "":
		return "no file, as the patch has it"
	case f.WantBefore == "" && f.Before == "":
		return "no file; the patch has no index line"
	case f.WantBefore == "":
		return fmt.Sprintf("blob %.12s; the patch has no index line to compare it with", f.Before)
	case f.Before == "":
		return fmt.Sprintf("no file; written for blob %.12s%s", f.WantBefore, known)
	case f.OnBase:
		return fmt.Sprintf("blob %.12s, the one it was written for", f.Before)
	}
	return fmt.Sprintf("blob %.12s; written for blob %.12s%s", f.Before, f.WantBefore, known)
}

func blobAfter(f *pipeline.FitFile) string {
	switch {
	case f.Proven:
		return fmt.Sprintf("blob %.12s, the one in the index line", f.After)
	case f.WantAfter == "":
		return fmt.Sprintf("blob %.12s", f.After)
	}
	return fmt.Sprintf("blob %.12s; the index line has %.12s", f.After, f.WantAfter)
}

// verdict sums it up in one line.
func (n counts) verdict(fit *pipeline.Fit) string {
	s := fmt.Sprintf("%s, %s: ", count(n.files, "file"), count(n.hunks, "hunk"))
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{
		{n.exact, "exactly"}, {n.offset, "with an offset"}, {n.fuzz, "with fuzz"},
		{n.applied, "applied already"}, {n.fails, "not"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to place"}
	}
	s += strings.Join(parts, ", ")
	switch {
	case fit.Applied && !fit.Applies:
		return s + "; it is applied already"
	case !fit.Applies:
		return s + "; it does not apply"
	}
	return s + "; it applies"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
