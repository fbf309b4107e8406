package vm

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// What no guest can be made to do at will, and what happens at the same time.
func TestClassify(t *testing.T) {
	killed := &proc.ExitError{Cmd: "qemu -x", Code: -1, Signal: syscall.SIGKILL}
	failed := &proc.ExitError{Cmd: "qemu -x", Code: 1, Stderr: "qemu: no space left\n"}
	panicked := []string{"[ 1.0] Kernel panic - not syncing: oops", "[ 1.1] Rebooting in 1 seconds.."}
	for name, tt := range map[string]struct {
		exit  error
		seen  seen
		want  End
		party blame.Party
		err   string
	}{
		"closed":                       {killed, seen{closed: true}, Closed, 0, ""},
		"closed while it switched off": {killed, seen{closed: true, reason: "guest-shutdown"}, PoweredOff, 0, ""},
		"closed while it reset":        {nil, seen{closed: true, reason: "guest-reset", console: []string{"reboot: Restarting system"}}, Restarted, 0, ""},
		"closed in a reported panic":   {killed, seen{closed: true, panicked: true, console: panicked}, Panicked, blame.Kernel, "not syncing: oops"},
		"closed with an old panic":     {killed, seen{closed: true, console: panicked}, Closed, 0, ""},
		"hung in its panic":            {killed, seen{panicked: true, hung: true, console: panicked}, Panicked, blame.Kernel, "oops (and it did not reset"},
		"killed":                       {killed, seen{}, Killed, blame.Host, "killed by signal 9; if nobody did"},
		"killed politely":              {nil, seen{reason: "host-signal"}, Killed, blame.Host, "stderr's text"},
		"failed":                       {failed, seen{}, Failed, blame.Host, "QEMU failed: qemu: no space left\n  command: qemu -x"},
		"ended without a reason":       {nil, seen{}, Failed, blame.Host, "without the guest's doing"},
		"accelerator gave up":          {killed, seen{gaveUp: true}, Failed, blame.Host, "gave up on the guest: stderr's text"},
		"interrupted":                  {&proc.ExitError{Cause: context.Canceled}, seen{}, Stopped, blame.Host, "context canceled"},
		"cannot be killed":             {errors.New("still there"), seen{closed: true}, Unkillable, blame.Host, "still there"},
	} {
		end, err := classify(tt.exit, "stderr's text\n", tt.seen)
		if end != tt.want {
			t.Errorf("%s: got %q, want %q", name, end, tt.want)
		}
		if tt.party == 0 && err != nil || tt.party != 0 && (err == nil || blame.Of(err) != tt.party || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %v, the fault of %v; want %q, of %v", name, err, blame.Of(err), tt.err, tt.party)
		}
	}
}

func FuzzLinesOfAConsole(f *testing.F) {
	f.Add([]byte("[    0.000000] Linux version 6.1\r\n[    0.1] next\r\n"), false)
	f.Add([]byte("torn\r\n\r\n\x00\x1b[0m\xff"), true)
	f.Fuzz(func(t *testing.T, b []byte, cut bool) {
		lines := splitLines(b, cut)
		for _, l := range lines {
			if strings.ContainsAny(l, "\r\n") {
				t.Errorf("line %q", l)
			}
		}
		if len(lines) > 0 && lines[len(lines)-1] == "" {
			t.Errorf("%q: ends with an empty line", b)
		}
	})
}
