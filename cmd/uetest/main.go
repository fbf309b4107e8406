// Command uetest validates a kernel patch: it restores and applies the patch,
// builds the kernel, boots it in QEMU with Go selftests, and judges what the
// kernel does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"uetest/internal/blame"
	"uetest/internal/terminal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with everything it touches as arguments. It returns the exit
// code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	go func() {
		// The first signal ends the run in order, a second one at once: what
		// is left then is the guard process's to clear away.
		<-ctx.Done()
		stop()
	}()
	out := &said{w: stdout}
	if terminal.Of(stdin, stdout) == nil { // else it must be seen to be one
		stdout = out
	}
	root := newRoot()
	addCompletion(root)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if ctx.Err() == nil {
		trimCache(stderr)
	}
	var code exitCode
	switch {
	case errors.Is(out.err, syscall.EPIPE):
		// Who read it has seen enough. As if SIGPIPE, which whoever started us
		// has ignored, had ended us.
		return 128 + int(syscall.SIGPIPE)
	case out.err != nil && (err == nil || errors.As(err, &code) && code != exitCode(blame.User)):
		err = blame.On(blame.Host, out.err) // not everybody looks
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "uetest: interrupted")
		return int(blame.User)
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "uetest: %v\n", err)
	return int(blame.Of(err))
}

// said is standard output. It knows whether all of what was said got there.
type said struct {
	w   io.Writer
	err error // the first
}

func (o *said) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// exitCode ends the program with a code after the verb has said everything.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }
