package agent

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// Shell is the shell of the guest image.
const Shell = "/bbin/sh"

// shell runs a shell on the console until it ends, and returns why.
func shell(notes []string) string {
	for _, note := range notes {
		fmt.Fprintln(os.Stderr, "uetest:", note)
	}
	tty, err := console()
	if err != nil {
		return "no console: " + err.Error()
	}
	defer func() { _ = tty.Close() }()
	greet(tty, wire.Guest{})
	r := newReaper()
	defer r.close()
	exited, err := start(r, nil, nil, onTerminal(tty))
	if err != nil {
		return err.Error()
	}
	status := <-exited // a person's time has no limit
	return fmt.Sprintf("the shell ended, status %d", exitStatus(status))
}

// greet says where things are. g may be empty.
func greet(w io.Writer, g wire.Guest) {
	kernel := g.Release
	if g.Generation != "" {
		kernel += ", user_events generation " + g.Generation
	}
	if kernel != "" {
		_, _ = fmt.Fprintf(w, "uetest: %s\n", kernel)
	}
	_, _ = fmt.Fprintf(w, `uetest: tracefs is at %s; commands are in /bbin
uetest: a test by hand:  %s/enable -run enable/registered-word
uetest: exit, or Ctrl-D on an empty line, ends the guest
`, tracefs, Programs)
}

// start starts the shell with args.
func start(r *reaper, args, env []string, set func(*syscall.ProcAttr)) (<-chan syscall.WaitStatus, error) {
	attr := &syscall.ProcAttr{Dir: "/", Env: slices.Concat(env, os.Environ())} // the first one wins (copyenv, syscall)
	set(attr)
	_, exited, err := r.start(func() (int, error) {
		return syscall.ForkExec(Shell, append([]string{"sh"}, args...), attr)
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", Shell, err)
	}
	return exited, nil
}

// onTerminal makes tty the controlling terminal of a new session.
func onTerminal(tty *os.File) func(*syscall.ProcAttr) {
	fd := tty.Fd() // blocking, as a shell expects it
	return func(a *syscall.ProcAttr) {
		a.Files = []uintptr{fd, fd, fd}
		a.Sys = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	}
}

// exitStatus is a wait status as a shell has it in $?.
func exitStatus(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// console opens the terminal behind /dev/console, which itself can't be the
// controlling terminal of a session (tty_open_proc_set_tty,
// drivers/tty/tty_jobctrl.c), and without one there is no Ctrl-C.
func console() (*os.File, error) {
	active, err := os.ReadFile("/sys/class/tty/console/active")
	if names := strings.Fields(string(active)); err == nil && len(names) > 0 {
		// The last one is /dev/console (Documentation/ABI/testing/sysfs-tty).
		f, err := os.OpenFile("/dev/"+names[len(names)-1], os.O_RDWR|unix.O_NOCTTY, 0)
		if err == nil {
			return f, nil
		}
	}
	return os.OpenFile("/dev/console", os.O_RDWR|unix.O_NOCTTY, 0)
}
