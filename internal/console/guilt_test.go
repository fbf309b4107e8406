package console

import "testing"

// What these lists swallow is never blamed: the code under test must not be
// in them.
func TestFunctionsOfTracingTell(t *testing.T) {
	for _, f := range []string{
		"user_event_enabler_write", "user_events_ioctl", "user_event_mm_dup", "trace_add_event_call", "trigger_process_regex",
		"event_trigger_callback", "perf_trace_destroy", "update_enable_bit_for", "tracing_open", "panic_irq", "ftrace_event_reg",
		"do_vm_bug", "dump_something", "schedules", "uprobe_register",
	} {
		if r := rankOf(f); r != telling {
			t.Errorf("%s has the rank %d, want it to tell", f, r)
		}
	}
	for f, want := range map[string]rank{
		"kasan_report": noise, "dump_stack_lvl": noise, "refcount_warn_saturate": noise, "__list_add_valid": noise,
		"memset": service, "_raw_spin_lock_irqsave": service, "__mutex_lock": service, "__schedule": service, "get_user_pages_remote": service,
		"do_syscall_64": entry, "vfs_write": entry, "kthread": entry,
	} {
		if r := rankOf(f); r != want {
			t.Errorf("%s has the rank %d, want %d", f, r, want)
		}
	}
}

func TestGuilty(t *testing.T) {
	for _, tt := range []struct {
		name string
		log  []string
		want string
	}{
		{"only who serves", []string{"WARNING: CPU: 0 PID: 1 at mm/slub.c:1 kfree+0x1/0x2", "Call Trace:", " do_syscall_64+0x1/0x2"}, "kfree"},
		{"only how it was entered", []string{"BUG: scheduling while atomic: a/1/0x2", "Call Trace:", " dump_stack_lvl+0x1/0x2", " do_syscall_64+0x1/0x2"}, "do_syscall_64"},
		{"nothing", []string{"BUG: scheduling while atomic: a/1/0x2"}, ""},
		{"a guess is passed over", []string{"BUG: scheduling while atomic: a/1/0x2", "Call Trace:", " ? left_over+0x1/0x2", " sure+0x1/0x2"}, "sure"},
		{"guesses alone", []string{"BUG: scheduling while atomic: a/1/0x2", "Call Trace:", " ? dump_stack+0x1/0x2", " ? likely+0x1/0x2"}, "likely"},
		{"not who freed it", []string{"BUG: KASAN: use-after-free in memcpy+0x1/0x2", "Call Trace:", " kasan_report+0x1/0x2", " memcpy+0x1/0x2", " do_syscall_64+0x1/0x2", "Freed by task 7:", " innocent+0x1/0x2"}, "memcpy"},
		{"an inlined one", []string{"WARNING: CPU: 0 PID: 1 at a.c:1 outer+0x1/0x2", "Call Trace:", " inner kernel/a.c:12 [inline]", " outer+0x1/0x2 kernel/a.c:20"}, "outer"},
		{"a module's", []string{"BUG: scheduling while atomic: a/1/0x2", "Call Trace:", " of_it+0x1/0x2 [mod 0123456789abcdef]"}, "of_it"},
	} {
		got := Find(tt.log)
		if len(got) != 1 || got[0].Guilty != tt.want {
			t.Errorf("%s: got %+v, want %q guilty", tt.name, got, tt.want)
		}
	}
}

func TestFrameIsRead(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Frame
	}{
		{" user_events_write_core.isra.0+0x65/0x160", Frame{Func: "user_events_write_core.isra.0", Offset: 0x65, Size: 0x160}},
		{" ? f+0x1/0x2", Frame{Func: "f", Offset: 1, Size: 2, Unreliable: true}},
		{" f+0x1/0x2 [mod]", Frame{Func: "f", Offset: 1, Size: 2, Module: "mod"}},
		{"[<ffffffff800e1b2a>] f+0x1/0x2", Frame{Func: "f", Offset: 1, Size: 2}},
		{" f+0x1/0x2 (P)", Frame{Func: "f", Offset: 1, Size: 2}},
		{" f+0x1/0x2 kernel/a.c:12", Frame{Func: "f", Offset: 1, Size: 2, File: "kernel/a.c", Line: 12}},
		{" f+0x1/0x2 (kernel/a.c:12 (discriminator 3))", Frame{Func: "f", Offset: 1, Size: 2, File: "kernel/a.c", Line: 12}},
		{" f kernel/a.c:12 [inline]", Frame{Func: "f", File: "kernel/a.c", Line: 12, Inlined: true}},
	} {
		if got, ok := frameOf(tt.line); !ok || got != tt.want {
			t.Errorf("frameOf(%q) = %+v, %v, want %+v", tt.line, got, ok, tt.want)
		}
	}
	for _, line := range []string{"", "f+0x1", " #0: ffff (mutex){+.+.}, at: f+0x1/0x2", "RAX: 0000000000000033 RBX: ffffffff830be6c0", "f+0xzz/0x2"} {
		if got, ok := frameOf(line); ok {
			t.Errorf("frameOf(%q) = %+v, want none", line, got)
		}
	}
}
