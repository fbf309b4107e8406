package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/pipeline"
)

func newPatch() *cobra.Command {
	c := &cobra.Command{
		Use:   "patch",
		Short: "restore, check and apply patches",
		Long: `Patch works on patches alone: nothing is built, and no tree is written to. Patches
are read in any form: mbox, git format-patch, a plain diff, the text of an archive
page that has lost its whitespace.`,
		Example: `  uetest patch check fix.patch                   how it fits, and why not
  uetest patch restore page.txt > fix.patch      its whitespace again, proven
  uetest patch apply fix.patch --output changed/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newRestore(), newCheck(), newApply())
	return c
}

// patchJob is a patch with the tree it was written for.
type patchJob struct {
	patch *patch.Patch
	base  *pipeline.Base
}

// withPatch reads the patch in file ("-" is standard input), finds its base and
// hands them to do.
func (f *treeFlags) withPatch(c *cobra.Command, file string, do func(*patchJob) error) error {
	job, err := f.open(c, file)
	if err != nil {
		return err
	}
	defer func() { _ = job.base.Close() }()
	return do(job)
}

func (f *treeFlags) open(c *cobra.Command, file string) (*patchJob, error) {
	data, err := readPatch(c.InOrStdin(), file)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	p, err := patch.Read(file, data)
	if err != nil {
		return nil, blame.On(blame.Patch, err)
	}
	cfg, err := f.config()
	if err != nil {
		return nil, err
	}
	show := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = show.event
	base, err := pipeline.FindBase(c.Context(), cfg, p)
	show.close()
	if err != nil {
		return nil, err
	}
	return &patchJob{p, base}, nil
}

func readPatch(stdin io.Reader, file string) ([]byte, error) {
	r := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, patch.MaxPatch+1))
	if err == nil && len(data) > patch.MaxPatch {
		err = fmt.Errorf("%s: %w: the limit is %d MiB", file, patch.ErrTooBig, patch.MaxPatch>>20)
	}
	return data, err
}

func newRestore() *cobra.Command {
	var f treeFlags
	var output string
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "give a patch from an archive page its whitespace back",
		Long: `Restore prints FILE as a patch that git apply takes. Context and removed lines come
from the base tree, added lines from kernel style, and the proof is that every
file hashes to the blob that the patch's index line names. A patch that is not
proven is not printed, unless --unproven is given; then its header says so.

A healthy patch passes through unchanged.`,
		Example: `  uetest patch restore page.txt > fix.patch
  uetest patch restore page.txt -C linux -o fix.patch`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withPatch(c, args[0], func(job *patchJob) error {
				r, err := patch.Restore(job.patch, job.base, patch.Options{Unproven: f.unproven})
				if r != nil && !f.quiet {
					explain(c.ErrOrStderr(), job.base.Name, r)
				}
				if err != nil {
					var u *patch.UnprovenError
					if errors.As(err, &u) {
						err = fmt.Errorf("%w\nno patch was written; --unproven writes it all the same, marked as unproven", err)
					}
					return err
				}
				if output != "" {
					return blame.On(blame.Host, os.WriteFile(output, r.Text, 0o644))
				}
				_, err = c.OutOrStdout().Write(r.Text)
				return err
			})
		},
	}
	f.add(c)
	c.Flags().StringVarP(&output, "output", "o", "", "write the patch there, not to standard output")
	return c
}

// explain says how the restored patch is known.
func explain(w io.Writer, base string, r *patch.Restored) {
	if r.Unchanged {
		fmt.Fprintf(w, "%s: healthy, passed through unchanged\n", r.Name)
		return
	}
	fmt.Fprintf(w, "%s: restored on %s\n", r.Name, base)
	for i := range r.Files {
		file := &r.Files[i]
		proof := fmt.Sprintf("proven: blob %.12s is the one in the index line", file.After)
		if !file.Proven {
			proof = fmt.Sprintf("UNPROVEN: blob %.12s, the index line has %s", file.After, file.WantAfter)
		}
		fmt.Fprintf(w, "  %s: %s\n", file.Path, proof)
		n := map[patch.Source]int{}
		for _, h := range file.Hunks {
			for _, s := range h.Sources {
				n[s]++
			}
		}
		fmt.Fprintf(w, "    %d hunks: %d lines from the base blob, %d by kernel style, %d by search over %d layouts, %d as posted\n",
			len(file.Hunks), n[patch.FromBase], n[patch.ByStyle], n[patch.BySearch], file.Tries, n[patch.AsPosted])
		for _, h := range file.Hunks {
			for _, note := range h.Notes {
				fmt.Fprintf(w, "    hunk %d, line %d: %s\n", h.Number, h.Line, note)
			}
			for _, doubt := range h.Doubts {
				fmt.Fprintf(w, "    hunk %d, line %d: unsure: %s\n", h.Number, h.Line, doubt)
			}
		}
	}
	if len(r.Masked) > 0 {
		fmt.Fprintf(w, "  %d masked mail addresses stay as they are\n", len(r.Masked))
	}
}

func newApply() *cobra.Command {
	var f treeFlags
	var output string
	c := &cobra.Command{
		Use:   "apply FILE",
		Short: "apply a patch and write the changed files to a new directory",
		Long: `Apply applies FILE to the tree it was written for, in memory, and writes the files
that it changes below the directory of --output. The tree itself is not touched.
Without --output it only tells what would change.`,
		Example: `  uetest patch apply fix.patch
  uetest patch apply fix.patch -C linux --output changed/`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withPatch(c, args[0], func(job *patchJob) error {
				o, err := patch.Apply(job.base, job.patch)
				if err != nil {
					return blame.On(blame.Patch, err)
				}
				return blame.On(blame.Host, writeOverlay(c.OutOrStdout(), o, output))
			})
		},
	}
	f.add(c)
	c.Flags().StringVarP(&output, "output", "o", "", "directory for the changed files; it must not exist yet")
	return c
}

// writeOverlay lists what changes and, if dir is named, writes it there.
func writeOverlay(w io.Writer, o patch.Overlay, dir string) error {
	if dir != "" {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		file := o[name]
		if file.Deleted {
			fmt.Fprintf(w, "%s\tdeleted\n", name)
			continue
		}
		fmt.Fprintf(w, "%s\tblob %s\n", name, patch.BlobID(file.Data))
		if dir == "" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, file.Data, file.Mode); err != nil {
			return err
		}
	}
	return nil
}
