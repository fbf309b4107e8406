package initramfs

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/vm"
	"uetest/internal/wire"
)

func TestGuest(t *testing.T) {
	g := boot(t, vm.Config{Initrd: misbehaving(t, nil).Path})

	t.Run("says what it is", func(t *testing.T) {
		h := g.hello
		if err := h.CheckVersion(); err != nil {
			t.Error(err)
		}
		if !regexp.MustCompile(`^\d+\.\d+`).MatchString(h.Guest.Release) || h.Guest.Machine != "x86_64" || h.Guest.CPUs != vm.DefaultCPUs {
			t.Errorf("guest %+v", h.Guest)
		}
		if !slices.Contains([]string{"g0", "g0+stable", "g1", "g2", "g3"}, h.Guest.Generation) {
			t.Errorf("generation %q", h.Guest.Generation)
		}
		if h.Guest.Missing == nil {
			t.Error("missing features: none were looked for")
		}
	})
	t.Run("is silent until it is asked", func(t *testing.T) {
		// The boot's kernel log comes behind Hello. Then there is nothing.
		var notes []string
		conn := g.vm.Channel()
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		seen, first := 0, ""
		for {
			m, err := g.dec.Decode()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			switch {
			case err != nil:
				t.Fatal(err)
			case m.Kind == wire.Kmsg:
				if seen++; seen == 1 {
					first = m.Text
				}
			default:
				notes = append(notes, m.Text)
			}
		}
		if seen < 20 || !strings.HasPrefix(first, "Linux version") {
			t.Errorf("%d records of the kernel log, the first %q; want the whole boot", seen, first)
		}
		if len(notes) > 0 {
			t.Errorf("the set-up did not go well: %q", notes)
		}
		g.sound("two seconds of silence")
	})
	t.Run("is set up for tests", func(t *testing.T) {
		r := g.run(wire.Message{ID: "guest"})
		for _, want := range []string{
			"mount=/proc:proc", "mount=/sys:sysfs", "mount=/dev:devtmpfs", "mount=/tmp:tmpfs",
			"mount=/sys/kernel/tracing:tracefs", "mount=/dev/pts:devpts",
			"hostname=uetest", "tmp=1777", "nofile=1048576 <nil>", "lo=unknown0x9",
			"kernel/printk_devkmsg=on", "kernel/kptr_restrict=0", "vm/oom_dump_tasks=0",
			"PATH=/bbin:/selftests", "HOME=/", "TMPDIR=/tmp",
			"self=/selftests/misbehave<nil>", "nice=0",
			"SigBlk=0000000000000000", "SigIgn=0000000000000000",
		} {
			if !slices.Contains(r.saw, want) {
				t.Errorf("no %s in %q", want, r.saw)
			}
		}
	})
	for _, tt := range []struct {
		behaviour string
		limit     time.Duration
		status    wire.Status
		text      string // in the End's text
		output    string // in what it printed
		log       string // in a line of the log
	}{
		{behaviour: "done", status: wire.Done},
		{behaviour: "skipped", status: wire.Skipped, text: "needs hugetlb"},
		{behaviour: "failed", status: wire.Failed, text: "open: no such file"},
		{behaviour: "silent", status: wire.Crashed, text: "exit status 0 without an end message"},
		{behaviour: "exits", status: wire.Crashed, text: `exit status 3 after it had said "done"`},
		{behaviour: "panics", status: wire.Crashed, text: "exit status 2", output: "panic: on purpose"},
		{behaviour: "segfaults", status: wire.Crashed, text: "signal 11 (SIGSEGV)"},
		{behaviour: "killed", status: wire.Crashed, text: `signal 9 (SIGKILL) after it had said "done"`},
		{behaviour: "loops", limit: time.Second, status: wire.Timeout, text: "not ended after 1s", output: "looping\n", log: "(misbehave) in state "},
		{behaviour: "sleeps", limit: time.Second, status: wire.Timeout, text: `after it had said "done"`, log: "(misbehave) in state S at "},
		{behaviour: "ignores", limit: time.Second, status: wire.Timeout},
		{behaviour: "garbage", status: wire.Failed, text: "descriptor 3: not a message"},
		{behaviour: "floods output", status: wire.Done, output: "the last line"},
		{behaviour: "floods report", status: wire.Done},
		{behaviour: "leaves a child", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "leaves a deep child", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "child keeps the pipe", status: wire.Done, log: "left behind and killed: "},
		// A chain of processes, each of which is gone when it is looked for.
		{behaviour: "hydra", status: wire.Done},
		{behaviour: "bomb", limit: 3 * time.Second, status: wire.Timeout, text: "not ended after 3s"},
		{behaviour: "bombs and ends", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "hogs memory", status: wire.Crashed, text: "signal 9 (SIGKILL) without"},
		{behaviour: "signals init", status: wire.Done},
	} {
		t.Run("survives a test that "+tt.behaviour, func(t *testing.T) {
			g.t = t
			r := g.run(wire.Message{ID: tt.behaviour, Timeout: tt.limit})
			if r.end.Status != tt.status || !strings.Contains(r.end.Text, tt.text) {
				t.Errorf("end %s %q, want %s with %q", r.end.Status, r.end.Text, tt.status, tt.text)
			}
			if !strings.Contains(strings.Join(r.output, ""), tt.output) {
				t.Errorf("output %.500q, want %q in it", r.output, tt.output)
			}
			if !contains(r.log, tt.log) && tt.log != "" {
				t.Errorf("log %q, want a line with %q", r.log, tt.log)
			}
			if tt.limit != 0 && r.end.At > tt.limit+wire.EndLimit {
				t.Errorf("the end came after %v, the watchdog's limit was %v", r.end.At, tt.limit)
			}
			g.sound(tt.behaviour)
		})
	}
	t.Run("refuses a program it does not have", func(t *testing.T) {
		g.t = t
		r := g.run(wire.Message{ID: "x/y", Program: "nothing"})
		if r.end.Status != wire.Failed || !strings.Contains(r.end.Text, "there are: demo, misbehave") {
			t.Errorf("end %s %q", r.end.Status, r.end.Text)
		}
	})
	t.Run("refuses another version", func(t *testing.T) {
		g.t = t
		g.send(wire.Message{Kind: wire.Run, ID: "misbehave/done", Program: "misbehave", Version: wire.Version + 1})
		m := g.next()
		for m.Kind == wire.Kmsg {
			m = g.next()
		}
		if m.Kind != wire.End || m.Status != wire.Failed || !strings.Contains(m.Text, "build both again") {
			t.Errorf("answer %+v, want an end that refuses the run", m)
		}
	})
	t.Run("sends what the kernel logs within the test that caused it", func(t *testing.T) {
		g.t = t
		for range 5 {
			if r := g.run(wire.Message{ID: "splats"}); r.end.Status != wire.Done || !contains(r.kmsg, "uetest: BUG: made up") || len(r.kernel) > 0 {
				t.Errorf("end %s %q; kernel log %q, from the kernel %q; want the program's line, and known as such", r.end.Status, r.end.Text, r.kmsg, r.kernel)
			}
			if r := g.run(wire.Message{ID: "dumps"}); r.end.Status != wire.Done || !contains(r.kernel, "Show Blocked State") {
				t.Errorf("end %s %q; kernel log %q, want the kernel's dump", r.end.Status, r.end.Text, r.kernel)
			}
			if r := g.run(wire.Message{ID: "done"}); len(r.kmsg) > 0 {
				t.Errorf("a silent test has the lines %q", r.kmsg)
			}
		}
	})
	t.Run("says bye and ends the machine", func(t *testing.T) {
		g.t = t
		g.send(wire.Message{Kind: wire.Stop})
		m := g.next()
		for m.Kind == wire.Kmsg {
			m = g.next()
		}
		if m.Kind != wire.Bye || m.Text != "asked to stop" {
			t.Fatalf("answer %+v, want a bye", m)
		}
		if _, err := g.dec.Decode(); err != io.EOF {
			t.Errorf("behind the bye: %v, want the end", err)
		}
		select {
		case <-g.vm.Done():
			if g.vm.End() != vm.Restarted || g.vm.Err() != nil {
				t.Errorf("the machine %s: %v", g.vm.End(), g.vm.Err())
			}
		case <-time.After(patience):
			t.Error("the machine runs on")
		}
	})
}
