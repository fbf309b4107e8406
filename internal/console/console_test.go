package console

import (
	"strings"
	"testing"
)

func TestTitles(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"[    2.401205] BUG: unable to handle page fault for address: ffff888000a01000", "page fault"},
		{"<1>[    2.4] BUG: kernel NULL pointer dereference, address: 0000000000000008", "null pointer: kernel NULL pointer dereference"},
		{"[    1.000000][  T42] BUG: KASAN: use-after-free in user_event_enabler_write+0x12/0x34", "KASAN: use-after-free in user_event_enabler_write"},
		{"[    1.0] general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP", "general protection fault"},
		{"[    1.0] divide error: 0000 [#1] SMP", "divide error"},
		{"[    1.0] kernel BUG at mm/slub.c:4120!", "kernel BUG: mm/slub.c"},
		{"[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:1]", "soft lockup"},
		{"[    1.0] INFO: task enable:77 blocked for more than 10 seconds.", "hung task: enable"},
		{"[    1.0] rcu: INFO: rcu_sched self-detected stall on CPU", "RCU stall"},
		{"[    1.0] BUG: sleeping function called from invalid context at mm/gup.c:1", "sleeping in atomic: sleeping function"},
		{"[    1.0] WARNING: possible circular locking dependency detected", "lockdep: possible circular locking dependency detected"},
		{"[    1.0] WARNING: CPU: 1 PID: 99 at kernel/trace/trace.c:12 f+0x1/0x2", "WARNING: kernel/trace/trace.c"},
		{"[    1.0] refcount_t: underflow; use-after-free.", "refcount: underflow; use-after-free"},
		{"[    1.0] UBSAN: shift-out-of-bounds in kernel/x.c:1:2", "UBSAN: shift-out-of-bounds"},
		{"[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "panic: Attempted to kill init! exitcode=ADDR"},
		{"[    1.0] Unable to handle kernel paging request at virtual address ffff800008000000", "paging request"},
		{"[    1.0] Out of memory: Killed process 12 (stress) total-vm:1kB", "out of memory: stress"},
	} {
		got := Find([]string{tt.line})
		if len(got) != 1 || got[0].Title != tt.want {
			t.Errorf("Find(%q): got %+v, want the title %q", tt.line, got, tt.want)
		}
	}
}

func TestOrdinaryLinesAreNoSplat(t *testing.T) {
	for _, line := range []string{
		"[    1.0] user_events: Enable write failed",
		"[    0.0] Kernel command line: panic=-1 oops=panic BUG: no",
		"[    0.1] Warning: unable to open an initial console.",
		"[    0.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled",
		"",
	} {
		if got := Find([]string{line}); len(got) != 0 {
			t.Errorf("Find(%q): got %q, want nothing", line, got[0].Title)
		}
	}
}

func TestOneReportAnOops(t *testing.T) {
	log := strings.Split(`[    2.0] ------------[ cut here ]------------
[    2.0] BUG: unable to handle page fault for address: ffffffff81000000
[    2.0] #PF: supervisor write access in kernel mode
[    2.0] Oops: 0003 [#1] PREEMPT SMP
[    2.0] RIP: 0010:user_event_enabler_write+0x8c/0xc0
[    2.0] Call Trace:
[    2.0] ---[ end trace 0000000000000000 ]---
[    2.1] user_events: Enable write failed
[    2.2] WARNING: CPU: 0 PID: 1 at kernel/exit.c:1 do_exit+0x1/0x2`, "\n")
	got := Find(log)
	if len(got) != 2 {
		t.Fatalf("got %d splats, want the oops and the warning: %+v", len(got), got)
	}
	if want := "page fault in user_event_enabler_write"; got[0].Title != want {
		t.Errorf("title: got %q, want %q", got[0].Title, want)
	}
	if len(got[0].Lines) != 7 {
		t.Errorf("the oops has %d lines, want the 7 from \"cut here\" to \"end trace\"", len(got[0].Lines))
	}
}

func TestTitleHasTheFunctionOfTheSource(t *testing.T) {
	got := Find([]string{
		"BUG: kernel NULL pointer dereference, address: 0000000000000181",
		"RIP: 0010:user_events_write_core.isra.0+0x65/0x160",
	})
	const want = "null pointer: kernel NULL pointer dereference in user_events_write_core"
	if len(got) != 1 || got[0].Title != want {
		t.Errorf("got %+v, want the title %q", got, want)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("[    1.0] BUG: x\n---[ end trace 0 ]---\nRIP: 0010:f+0x1")
	f.Add("<4>[1.0][T1] =====\n[1.0] WARNING: possible recursive locking detected")
	f.Fuzz(func(t *testing.T, log string) {
		for _, s := range Find(strings.Split(log, "\n")) {
			if s.Title == "" || len(s.Lines) == 0 || len(s.Lines) > maxLines+1 {
				t.Errorf("bad report: title %q, %d lines", s.Title, len(s.Lines))
			}
		}
	})
}
