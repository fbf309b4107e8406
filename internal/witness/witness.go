// Package witness builds upstream's own selftests for user_events from a
// kernel's source, so that what they say of a kernel can be held against what
// the catalogue's tests say of it.
//
// Nothing of them is kept in this tree: the programs are compiled when they are
// asked for, from the tree of the kernel that they are to run on, with that
// tree's user_events.h and not the system's. They are static, for the guest has
// no C library. What was built is kept in the cache under the hash of all that
// went into it.
package witness

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// own is this package as it was compiled: how the programs are built is one of
// their inputs.
//
//go:embed *.go
var own embed.FS

// Dir is where kernels have the programs' sources.
const Dir = "tools/testing/selftests/user_events"

// Tree is a kernel's source, with its patches applied. Its error for a missing
// file is fs.ErrNotExist.
type Tree interface {
	ReadFile(name string) (data []byte, mode fs.FileMode, err error)
}

// Options say what to build.
type Options struct {
	Tree  Tree
	Name  string            // of the kernel, for errors
	Cache string            // cache folder of uetest; programs are kept in its witness/
	CC    string            // empty: gcc
	Tell  func(line string) // may be nil; of damaged programs, and who is waited for
}

// Program is a built program.
type Program struct {
	Name string // as upstream calls it: "abi_test"
	Path string // in the cache; it must not be changed
}

// flags are how the programs are compiled: those of their Makefile that matter,
// and static. Warnings are upstream's business; an error in one of the harness's
// macros is a line, and not one for each macro below it.
var flags = []string{
	"-O2", "-static", "-w", "-fdiagnostics-color=never",
	"-fno-diagnostics-show-caret", "-ftrack-macro-expansion=0", "-fmax-errors=5",
}

// libraries are LDLIBS of the Makefile, in 6.1 and in 6.12.
var libraries = []string{"-lrt", "-lpthread", "-lm"}

// Build returns the programs that the tree's Makefile names, in its order. They
// are compiled if the cache does not have them.
//
// Programs that do not compile are blamed on the patch; the error has the
// compiler's lines of all of them. A missing compiler or C library is the host's.
func Build(ctx context.Context, o Options) ([]Program, error) {
	if o.CC == "" {
		o.CC = "gcc"
	}
	src, err := gather(o.Tree)
	if err != nil {
		return nil, fmt.Errorf("upstream's selftests of kernel %s: %w", o.Name, err)
	}
	cc, err := findCompiler(ctx, o.CC)
	if err != nil {
		return nil, fmt.Errorf("upstream's selftests: %w", err)
	}
	c, err := cache.Open(o.Cache)
	if err != nil {
		return nil, err
	}
	n := c.Namespace(cache.Witness)
	if o.Tell != nil {
		n.Damaged = o.Tell
		n.Waiting = func(string) { o.Tell("another run builds the same programs") }
	}
	e, err := n.Get(ctx, src.key(cc), func(ctx context.Context, dir string) error {
		return compile(ctx, cc, src, dir)
	})
	if err != nil {
		return nil, fmt.Errorf("upstream's selftests of kernel %s: %w", o.Name, err)
	}
	programs := make([]Program, len(src.programs))
	for i, name := range src.programs {
		programs[i] = Program{name, e.Path(name)}
	}
	return programs, nil
}

// compiler is a C compiler and what the programs take from it.
type compiler struct {
	path     string
	identity string // changes if what it makes may change
}

// findCompiler looks for a compiler with a static C library.
func findCompiler(ctx context.Context, name string) (compiler, error) {
	path, err := proc.LookPath(name)
	if err != nil {
		return compiler{}, err
	}
	version, err := proc.Output(ctx, proc.Cmd{Path: path, Args: []string{"--version"}})
	if err != nil {
		return compiler{}, blame.On(blame.Host, err)
	}
	out, err := proc.Output(ctx, proc.Cmd{Path: path, Args: []string{"-print-file-name=libc.a"}})
	if err != nil {
		return compiler{}, blame.On(blame.Host, err)
	}
	libc := strings.TrimSpace(string(out))
	info, err := os.Stat(libc)
	if err != nil || !filepath.IsAbs(libc) { // gcc repeats the name of what it does not find
		return compiler{}, blame.On(blame.Host, fmt.Errorf("%s finds no libc.a, which static programs are linked with: %w; install it with: apt-get install libc6-dev", path, errors.Join(fs.ErrNotExist, err)))
	}
	return compiler{path, fmt.Sprintf("%s%s %d %d", version, libc, info.Size(), info.ModTime().UnixNano())}, nil
}

// compile compiles the programs into dir.
func compile(ctx context.Context, cc compiler, src sources, dir string) error {
	work, remove, err := proc.TempDir("witness-")
	if err != nil {
		return err
	}
	defer remove()
	if err := src.write(work); err != nil {
		return blame.On(blame.Host, err)
	}
	var failed []string
	for _, name := range src.programs {
		source := Dir + "/" + name + ".c"
		lines, err := cc.compile(ctx, work, source, filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if lines != "" {
			failed = append(failed, fmt.Sprintf("%s does not compile:\n%s", source, lines))
		}
	}
	if failed != nil {
		return blame.On(blame.Patch, errors.New(strings.Join(failed, "\n")))
	}
	return nil
}

// compile compiles one program in the copy of the sources, so that the
// compiler's lines name files as the kernel's tree does. If it does not compile
// they are returned.
func (cc compiler) compile(ctx context.Context, dir, source, out string) (lines string, err error) {
	args := slices.Concat(flags, []string{"-isystem", includeDir, "-o", out, source}, libraries)
	var said bytes.Buffer
	err = proc.Run(ctx, proc.Cmd{Path: cc.path, Args: args, Dir: dir, Env: append(os.Environ(), "LC_ALL=C"), Stderr: &said, Scratch: true})
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.Cause == nil && said.Len() > 0 {
		// A macro that uses its argument twice gets each line twice.
		each := slices.Compact(strings.Split(strings.TrimSpace(said.String()), "\n"))
		return strings.Join(each, "\n"), nil
	}
	return "", err
}
