package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
)

const rootHelp = `uetest validates a kernel patch. It restores the patch and proves it by the blob
ids in it, builds the kernel, packs Go selftests into a u-root initramfs, boots
it in QEMU, and judges what the kernel does.

Exit codes:
` + exitCodes

// housekeeping is the group of verbs that test nothing.
const housekeeping = "machine"

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "uetest",
		Short:         "validate a kernel patch in QEMU",
		Version:       cmp.Or(revision(), "of a commit that it was not told"),
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Example: `  uetest doctor                 what this machine lacks
  uetest run                    the main job
  uetest run --patch fix.patch  with your patch on top
  uetest report last            the last run again
  uetest help exit-codes        a topic`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return blame.On(blame.Usage, usageError{c, err})
	})
	for _, g := range []struct {
		id, title string
		verbs     []*cobra.Command
	}{
		{"test", "Test:", []*cobra.Command{newRun(), newBisect(), newCompare(), newReport(), newList()}},
		{"fault", "Look at a fault:", []*cobra.Command{newRepro(), newReplay(), newShell(), newSymbolize()}},
		{"doubt", "Test the tests:", []*cobra.Command{newModel(), newMutate(), newWitness()}},
		{"part", "A part of the work:", []*cobra.Command{newPatch(), newKernel()}},
		{housekeeping, "This machine:", []*cobra.Command{newDoctor(), newClean(), newMan()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, v := range g.verbs {
			v.GroupID = g.id
			root.AddCommand(v)
		}
	}
	root.SetHelpCommandGroupID(housekeeping)
	root.SetCompletionCommandGroupID(housekeeping)
	root.AddCommand(topics()...)
	completions(root)
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.ValidArgsFunction = completePages // cobra's own leaves the topics out
			c.Args = func(_ *cobra.Command, args []string) error {
				_, err := pageOf(root, args) // cobra's own shows the root's, and is content
				return err
			}
		}
	}
	markUsage(root)
	return root
}

// addCompletion adds cobra's own verb; it takes for a request for help what is no
// shell that it knows.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
			markUsage(c)
		}
	}
}

// usageError adds where to read on.
type usageError struct {
	cmd *cobra.Command
	err error
}

func (e usageError) Error() string {
	return e.err.Error() + "\nSee '" + e.cmd.CommandPath() + " --help'."
}
func (e usageError) Unwrap() error { return e.err }

// markUsage makes every complaint about arguments a usage error, in one place.
func markUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return blame.On(blame.Usage, usageError{cmd, err})
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markUsage(sub)
	}
}

// findRoot returns the uetest source tree, from which the guest image is built.
func findRoot() (string, error) {
	if dir := os.Getenv("UETEST_ROOT"); dir != "" {
		if isRoot(dir) {
			return filepath.Abs(dir)
		}
		return "", blame.On(blame.Usage, errorf("UETEST_ROOT=%s is not the uetest source tree: no go.mod with \"module uetest\" there", dir))
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, dir := range starts {
		for ; ; dir = filepath.Dir(dir) {
			if isRoot(dir) {
				return dir, nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", blame.On(blame.Host, errorf("the uetest source tree is in none of %s or above; it holds the selftests.\nSet UETEST_ROOT or use scripts/uetest", strings.Join(starts, ", ")))
}

func isRoot(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && strings.HasPrefix(string(data), "module uetest\n")
}

// cacheDir returns the directory of the cache.
func cacheDir() (string, error) {
	if dir := os.Getenv("UETEST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", blame.On(blame.Host, errorf("no place for the cache: %v; set UETEST_CACHE", err))
	}
	return filepath.Join(dir, "uetest"), nil
}
