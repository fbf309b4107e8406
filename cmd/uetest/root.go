package main

import (
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
  0    all as expected
  1    a test failed, a known fault vanished, a result is missing
  2    usage
  3    patch or build failed
  4    nothing ran
  5    the kernel crashed or did not boot
  6    the harness or the host is at fault
  130  interrupted

Environment:
  UETEST_CACHE  where sources, builds and images are kept
                (default: $XDG_CACHE_HOME/uetest, ~/.cache/uetest)
  UETEST_CACHE_LIMIT
                how big the cache may be: 40G, 500MB, none (default: 30 GiB);
                the least recently used goes first, see uetest clean
  UETEST_ROOT   the uetest source tree (default: found from the program's
                place and the current directory)`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "uetest",
		Short:         "validate a kernel patch in QEMU",
		Long:          rootHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(newClean())
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return blame.On(blame.Usage, usageError{c, err})
	})
	root.AddCommand(newRun(), newModel(), newRepro(), newReplay(), newShell(), newMutate(), newWitness(), newBisect(), newSymbolize(), newReport(), newList(), newPatch(), newKernel(), newDoctor())
	markUsage(root)
	return root
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
