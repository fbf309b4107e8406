package vm

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// End is how a virtual machine ended.
type End string

// The ends.
const (
	Running    End = "running"     // it has not
	PoweredOff End = "powered off" // the guest switched itself off
	Restarted  End = "restarted"   // the guest reset itself and said so
	Panicked   End = "panicked"    // the kernel panicked
	Crashed    End = "crashed"     // the guest was reset without a word: a triple fault
	Closed     End = "closed"      // VM.Close, or QMP's quit
	Stopped    End = "stopped"     // the context of Start ended
	Killed     End = "killed"      // somebody else ended QEMU
	Failed     End = "failed"      // QEMU ended by itself
	Unkillable End = "unkillable"  // QEMU outlives SIGKILL
)

// seen is what was seen of a virtual machine besides its exit status.
type seen struct {
	closed   bool     // Close was called
	panicked bool     // QEMU reported a panic
	hung     bool     // and the kernel did not reset after it
	gaveUp   bool     // the accelerator could not execute the guest
	reason   string   // of the SHUTDOWN event (qapi/run-state.json, ShutdownCause)
	console  []string // the end of what the kernel printed
}

// kernelPanic is how kernel/panic.c begins its report.
var kernelPanic = regexp.MustCompile(`Kernel panic - not syncing.*`)

// A qemuError is an end of QEMU in its own words. Those come first: the command
// is long.
type qemuError struct {
	what string
	exit *proc.ExitError
}

func (e *qemuError) Error() string {
	words := strings.TrimSpace(e.exit.Stderr)
	if words == "" {
		words = "it said nothing and ended with status " + strconv.Itoa(e.exit.Code)
	}
	return fmt.Sprintf("%s: %s\n  command: %s", e.what, words, e.exit.Cmd)
}

func (e *qemuError) Unwrap() error { return e.exit }

// killedByGDB is what QEMU says when gdb's kill ends it (gdbstub.c, handle_kill).
const killedByGDB = "Terminated via GDBstub"

// restarts is what kernel/reboot.c prints (kernel_restart, kernel_halt,
// kernel_power_off) before it does.
var restarts = regexp.MustCompile(`reboot: (Restarting system|System halted|Power down)`)

// classify decides from QEMU's exit and what was seen who ended the virtual
// machine and who is to blame.
func classify(exit error, stderr string, s seen) (End, error) {
	var e *proc.ExitError
	isExit := errors.As(exit, &e)
	report := find(s.console, kernelPanic)
	switch {
	case isExit && e.Cause != nil:
		return Stopped, fmt.Errorf("virtual machine stopped: %w", e.Cause)
	case exit != nil && !isExit:
		return Unkillable, exit
	case s.panicked || report != "":
		if s.closed && !s.panicked {
			return Closed, nil // and what the console has is the caller's to read
		}
		if report == "" {
			report = "a kernel panic, of which the console has nothing"
		}
		if s.hung {
			report += " (and it did not reset the machine after it)"
		}
		return Panicked, blame.On(blame.Kernel, errors.New(report))
	case s.gaveUp:
		return Failed, blame.On(blame.Host, fmt.Errorf("QEMU's accelerator gave up on the guest: %s", strings.TrimSpace(stderr)))
	// What the guest asked for comes first: Close and QEMU's own end may meet.
	case s.reason == "guest-shutdown":
		return PoweredOff, nil
	case s.reason == "guest-reset" && find(s.console, restarts) != "":
		return Restarted, nil
	case s.reason == "guest-reset":
		return Crashed, blame.On(blame.Kernel, errors.New("the guest was reset and its kernel said nothing of it: a triple fault, or a reset from outside of the kernel"))
	case strings.Contains(stderr, killedByGDB):
		return Killed, blame.On(blame.User, errors.New("gdb ended the guest"))
	case s.closed || s.reason == "host-qmp-quit":
		return Closed, nil
	case isExit && e.Signal != 0:
		why := ""
		if e.Signal == syscall.SIGKILL {
			why = "; if nobody did, the kernel may have for want of memory, see dmesg"
		}
		return Killed, blame.On(blame.Host, &qemuError{"QEMU was killed by signal " + strconv.Itoa(int(e.Signal)) + why, e})
	case s.reason == "host-signal":
		return Killed, blame.On(blame.Host, fmt.Errorf("QEMU was killed: %s", strings.TrimSpace(stderr)))
	case exit != nil:
		return Failed, blame.On(blame.Host, &qemuError{"QEMU failed", e})
	}
	return Failed, blame.On(blame.Host, fmt.Errorf("QEMU ended without an error and without the guest's doing (shutdown reason %q): %s", s.reason, strings.TrimSpace(stderr)))
}

func find(lines []string, re *regexp.Regexp) string {
	for _, l := range lines {
		if m := re.FindString(l); m != "" {
			return m
		}
	}
	return ""
}
