package agent

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Shell is the shell of the guest image.
const Shell = "/bbin/gosh"

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
	_, _ = fmt.Fprintf(tty, "uetest: a shell; the test programs are in %s, tracefs is at %s; exit powers off\n", Programs, tracefs)
	r := newReaper()
	defer r.close()
	fd := tty.Fd() // blocking, as a shell expects it
	_, exited, err := r.start(func() (int, error) {
		return syscall.ForkExec(Shell, []string{"gosh"}, &syscall.ProcAttr{
			Dir:   "/",
			Env:   os.Environ(),
			Files: []uintptr{fd, fd, fd},
			Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
		})
	})
	if err != nil {
		return fmt.Sprintf("start %s: %v", Shell, err)
	}
	status := <-exited // a person's time has no limit
	return fmt.Sprintf("the shell ended, status %d", status.ExitStatus())
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
