package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Compiles tells whether a C program of the tree still compiles with the tree's
// user_events.h; lines are the compiler's if it does not. The path is as the
// tree has it. What keeps it from being tried is the error: a file that the tree
// has not, a missing compiler.
func Compiles(ctx context.Context, o Options, program string) (ok bool, lines []string, err error) {
	if o.CC == "" {
		o.CC = "gcc"
	}
	path, err := proc.LookPath(o.CC)
	if err != nil {
		return false, nil, fmt.Errorf("%s of kernel %s: %w", program, o.Name, err)
	}
	s := sources{files: map[string][]byte{}}
	err = s.follow(o.Tree, program)
	if err == nil {
		err = s.header(o.Tree)
	}
	if err != nil {
		return false, nil, fmt.Errorf("%s of kernel %s: %w", program, o.Name, err)
	}
	work, remove, err := proc.TempDir("compiles-")
	if err != nil {
		return false, nil, err
	}
	defer remove()
	if err := s.write(work); err != nil {
		return false, nil, blame.On(blame.Host, err)
	}
	var out bytes.Buffer
	err = proc.Run(ctx, proc.Cmd{
		Path: path, Args: slices.Concat(flags, []string{"-fsyntax-only", "-isystem", includeDir, program}),
		Dir: work, Env: append(os.Environ(), "LC_ALL=C"), Stderr: &out, Scratch: true,
	})
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.Cause == nil && out.Len() > 0 {
		return false, strings.Split(strings.TrimSpace(out.String()), "\n"), nil
	}
	return err == nil, nil, err
}
