package console

import (
	"strings"
	"testing"
)

func TestTitles(t *testing.T) {
	for _, tt := range []struct {
		log, want string
		kind      Kind
	}{
		{"[    2.401205] BUG: unable to handle page fault for address: ffff888000a01000", "page fault", PageFault},
		{"<1>[    2.4] BUG: kernel NULL pointer dereference, address: 0000000000000008", "null pointer dereference", NullPointer},
		{"[    1.000000][  T42] BUG: KASAN: use-after-free in user_event_enabler_write+0x12/0x34", "KASAN: use-after-free in user_event_enabler_write", KASAN},
		{"[    1.0] general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP", "general protection fault", Protection},
		{"[    1.0] Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP", "general protection fault", Protection},
		{"[    1.0] divide error: 0000 [#1] SMP", "divide error", DivideError},
		{"[    1.0] Oops: divide error: 0000 [#1] SMP NOPTI", "divide error", DivideError},
		{"[    1.0] int3: 0000 [#1] SMP", "oops: int3", Oops},
		{"[    1.0] stack segment: 0000 [#1] SMP", "stack segment", Stack},
		{"[    1.0] kernel BUG at mm/slub.c:4120!\nRIP: 0010:kfree.part.0+0x1/0x2\nCall Trace:\n give_back.cold+0x3/0x4", "kernel BUG in give_back", KernelBUG},
		{"[    1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:1]", "soft lockup", SoftLockup},
		{"[    1.0] INFO: task enable:77 blocked for more than 10 seconds.", "hung task", HungTask},
		{"[    1.0] rcu: INFO: rcu_sched self-detected stall on CPU", "RCU stall", RCUStall},
		{"[    1.0] BUG: sleeping function called from invalid context at mm/gup.c:1", "sleeping function called from invalid context", Atomic},
		{"[    1.0] WARNING: possible circular locking dependency detected", "lockdep: possible circular locking dependency", Lockdep},
		{"[    1.0] WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected", "lockdep: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order", Lockdep},
		{"[    1.0] WARNING: enable/77 still has locks held!", "lockdep: still has locks held", Lockdep},
		{"[    1.0] BUG: MAX_LOCKDEP_CHAINS too low!", "lockdep: MAX_LOCKDEP_CHAINS too low", Lockdep},
		{"[    1.0] WARNING: CPU: 1 PID: 99 at kernel/trace/trace.c:12 f.isra.0+0x1/0x2", "WARNING in f", Warning},
		{"[    1.0] WARNING: kernel/trace/trace.c:12 at f+0x1/0x2, CPU#1: enable/99", "WARNING in f", Warning},
		{"[    1.0] refcount_t: underflow; use-after-free.\nWARNING: CPU: 1 PID: 99 at lib/refcount.c:28 refcount_warn_saturate+0x1/0x2\nRIP: 0010:refcount_warn_saturate+0x1/0x2\nCall Trace:\n put_it+0x3/0x4", "refcount: underflow; use-after-free in put_it", Refcount},
		{"[    1.0] UBSAN: shift-out-of-bounds in kernel/x.c:1:2", "UBSAN: shift-out-of-bounds", UBSAN},
		{"[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "panic: Attempted to kill init", Panic},
		{"[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)", Panic},
		{"[    1.0] Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f.part.0+0x1/0x2", "stack-protector: Kernel stack is corrupted in f", Stack},
		{"[    1.0] Unable to handle kernel paging request at virtual address ffff800008000000", "page fault", PageFault},
		{"[    1.0] Internal error: Oops - Undefined instruction: 0000000002000000 [#1] PREEMPT SMP", "oops: Undefined instruction", Oops},
		{"[    1.0] Out of memory: Killed process 12 (stress) total-vm:1kB", "out of memory: stress", OutOfMemory},
		{"[    1.0] BUG: Bad rss-counter state mm:00000000f0c68439 type:MM_ANONPAGES val:3", "Bad rss-counter state MM_ANONPAGES", BadRSS},
		{"[    1.0] BUG: Bad rss-counter state mm:00000000f0c68439 idx:1 val:3", "Bad rss-counter state 1", BadRSS},
		{"[    1.0] BUG kmalloc-64 (Not tainted): Left Redzone overwritten", "slab: Left Redzone overwritten in kmalloc-64", Slab},
		{"[    1.0] unregister_netdevice: waiting for lo to become free. Usage count = 2", "unregister_netdevice: waiting", Netdevice},
		{"[    1.0] kmemleak: 7 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", "kmemleak: suspected memory leaks", Kmemleak},
		{"[    1.0] BUG: corrupted 0xffff888002a09ffc of 17 in x+0x1/0x20", "BUG: corrupted ADDR of NUM in x", BUG},
	} {
		got := Find(strings.Split(tt.log, "\n"))
		if strings.Contains(tt.log, "\n") { // only the first has a stamp: put it before the others
			got = Find(strings.Split(strings.ReplaceAll(tt.log, "\n", "\n[    1.0] "), "\n"))
		}
		if len(got) != 1 || got[0].Title != tt.want || got[0].Kind != tt.kind {
			t.Errorf("Find(%q):\n got %+v\nwant the title %q, kind %s", tt.log, got, tt.want, tt.kind)
		}
	}
}

func TestOrdinaryLinesAreNoSplat(t *testing.T) {
	for _, line := range []string{
		"[    1.0] user_events: Enable write failed",
		"[    0.0] Kernel command line: panic=-1 oops=panic BUG: no",
		"[    0.1] Warning: unable to open an initial console.",
		"[    0.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled",
		"[    0.1] rcu: \tRCU CPU stall warnings timeout set to 21",
		"[    0.1] NMI watchdog: Perf NMI watchdog permanently disabled",
		"[    0.1] memory cgroup out of memory: Killed process 12 (x)",
		"[    0.1] sysrq: Show Blocked State",
		"[    0.1] kmemleak: Kernel memory leak detector initialized",
		"[    0.1] (from user space) BUG: KASAN: use-after-free in f+0x1/0x2",
		"[    0.1] ------------[ cut here ]------------",
		"[    0.0] Linux version 6.1.0 (uetest@uetest) (gcc 12.2) #1 SMP",
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
[    2.2] WARNING: CPU: 0 PID: 1 at kernel/exit.c:1 do_it+0x1/0x2`, "\n")
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

func TestWhatAProgramPrintsOnTheConsoleIsNoSplat(t *testing.T) {
	got := Find([]string{
		"[    1.0][    T1] Run /init as init process",
		"BUG: KASAN: use-after-free in printed_by_a_program+0x1/0x2",
		"[    1.1][   T40] BUG: scheduling while atomic: exe/40/0x00000002",
		"said meanwhile",
		"[    1.1][   T40] Call Trace:",
	})
	if len(got) != 1 || got[0].Kind != Atomic || len(got[0].Lines) != 2 {
		t.Errorf("got %+v, want the kernel's report of two lines", got)
	}
}

func TestMemoryGroupThatIsFullIsNoSplat(t *testing.T) {
	got := Find(strings.Split(`[    1.0][   T42] stress invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
[    1.0][   T42] CPU: 0 PID: 42 Comm: stress Not tainted 6.1.0 #1
[    1.0][   T42] Call Trace:
[    1.0][   T42] Memory cgroup out of memory: Killed process 42 (stress) total-vm:1kB`, "\n"))
	if len(got) != 0 {
		t.Errorf("got %q, want nothing: a limit was set, and kept", got[0].Title)
	}
}

func TestRebootIsASplatUnlessThePanicSaysSo(t *testing.T) {
	const banner = "[    0.0][    T0] Linux version 6.1.0 (u@h) (gcc) #1 SMP"
	if got := Find([]string{banner, "[    1.0][    T1] at work", banner}); len(got) != 1 || got[0].Kind != Reboot || !got[0].Fatal {
		t.Errorf("got %+v, want one unexpected reboot", got)
	}
	got := Find([]string{banner, "[    1.0][    T1] Kernel panic - not syncing: told to", "[    1.0][    T1] Rebooting in 1 seconds..", banner})
	if len(got) != 1 || got[0].Kind != Panic || len(got[0].Lines) != 2 {
		t.Errorf("got %+v, want one panic of two lines", got)
	}
}

// What an open report of one caller opens is not a part of it when another
// report comes before its end.
func TestReportWithoutAnEndEndsWhereTheNextOneOpens(t *testing.T) {
	got := Find(strings.Split(`[    1.0][   T42] ------------[ cut here ]------------
[    1.0][   T42] WARNING: CPU: 0 PID: 42 at a.c:1 one+0x1/0x2
[    1.0][   T42] Modules linked in:
[    1.0][   T42] ------------[ cut here ]------------
[    1.0][   T42] the second one
[    1.0][   T42] WARNING: CPU: 0 PID: 42 at a.c:1 two+0x1/0x2
[    1.0][   T42] ---[ end trace 0 ]---`, "\n"))
	if len(got) != 2 || len(got[0].Lines) != 3 || len(got[1].Lines) != 4 || got[1].Title != "WARNING in two" {
		t.Errorf("got %+v, want two reports of 3 and 4 lines", got)
	}
}

func TestTaskAndTaint(t *testing.T) {
	got := Find(strings.Split(`WARNING: CPU: 1 PID: 42 at a.c:1 one+0x1/0x2
CPU: 1 PID: 42 Comm: kworker/1:2H Tainted: G    B   W          6.1.192-uetest #1`, "\n"))
	if len(got) != 1 || got[0].Task != (Task{"kworker/1:2H", 42, 1}) || got[0].Taint != "G    B   W" {
		t.Errorf("got %+v", got)
	}
	got = Find(strings.Split(`INFO: task a b c:77 blocked for more than 10 seconds.
      Not tainted 6.1.0 #1
CPU: 0 PID: 21 Comm: khungtaskd Not tainted 6.1.0 #1`, "\n"))
	if len(got) != 1 || got[0].Task != (Task{"a b c", 77, -1}) {
		t.Errorf("got %+v, want the task that hangs, not the one that found out", got)
	}
}
