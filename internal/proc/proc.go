// Package proc starts processes; no other host package does.
//
// What os/exec leaves open is settled here once. Every process leads a process
// group of its own, and the group ends with it: politely first (SIGTERM), then
// for certain (SIGKILL). No wait is without a limit, neither on a process that
// ignores signals nor on a pipe that a descendant inherited. And nothing
// outlives uetest, even if uetest is killed with SIGKILL: see guard.go.
//
// A descendant that makes a session or a process group of its own (setsid(2),
// setpgid(2)) leaves the group and is not followed.
package proc

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"time"
)

// DefaultGrace is the time between SIGTERM and SIGKILL if a Cmd names none.
// make needs some of it to remove half-written targets, QEMU next to nothing.
const DefaultGrace = 2 * time.Second

// Cmd is a command to be started. It is plain data and may be used again.
type Cmd struct {
	// Path is the executable: a name that is looked up in uetest's $PATH, or a
	// path, relative to uetest's working directory and not to Dir.
	Path string
	// Args are the arguments, verbatim, without argv[0].
	Args []string
	// Dir is the working directory; empty is that of uetest.
	Dir string
	// Env is the whole environment as KEY=VALUE; nil is that of uetest.
	Env []string
	// Stdin is /dev/null if nil.
	Stdin io.Reader
	// Stdout is discarded if nil.
	Stdout io.Writer
	// Stderr is kept only for ExitError if nil. An *os.File is handed to the
	// process as it is, and then ExitError has no text of it.
	Stderr io.Writer
	// ExtraFiles become descriptors 3, 4, … of the process. They stay the
	// caller's to close.
	ExtraFiles []*os.File
	// Scratch gives the process a directory of its own for temporary files, in
	// place of $TMPDIR, that ends with it: a compiler that is killed leaves some.
	Scratch bool
	// Grace is the time between SIGTERM and SIGKILL; 0 is DefaultGrace.
	Grace time.Duration
}

// String is the command as a POSIX shell reads it.
func (c Cmd) String() string {
	words := []string{Quote(c.Path)}
	for _, a := range c.Args {
		words = append(words, Quote(a))
	}
	return strings.Join(words, " ")
}

// Quote returns s as one word of a POSIX shell (POSIX.1-2017, Shell Command
// Language 2.2): unchanged where that is safe, else between single quotes.
func Quote(s string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^"
	if s != "" && strings.Trim(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (c Cmd) grace() time.Duration {
	if c.Grace > 0 {
		return c.Grace
	}
	return DefaultGrace
}

// Run starts c and waits for its end. The error is an *ExitError if the
// process was started and did not end with 0.
func Run(ctx context.Context, c Cmd) error {
	p, err := Start(ctx, c)
	if err != nil {
		return err
	}
	return p.Wait()
}

// Output runs c and returns what it wrote to its standard output, which is
// what there was also when there is an error. c.Stdout must be nil.
func Output(ctx context.Context, c Cmd) ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := Run(ctx, c)
	return out.Bytes(), err
}
