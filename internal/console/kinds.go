package console

import "regexp"

// The kinds of reports.
const (
	KASAN           Kind = "kasan"
	KFENCE          Kind = "kfence"
	KMSAN           Kind = "kmsan"
	KCSAN           Kind = "kcsan"
	UBSAN           Kind = "ubsan"
	Lockdep         Kind = "lockdep"
	RCUUsage        Kind = "suspicious-rcu"
	RCUStall        Kind = "rcu-stall"
	HungTask        Kind = "hung-task"
	SoftLockup      Kind = "soft-lockup"
	HardLockup      Kind = "hard-lockup"
	WorkqueueLockup Kind = "workqueue-lockup"
	Spinlock        Kind = "spinlock"
	Atomic          Kind = "atomic" // sleeping or scheduling where nobody may
	BadPage         Kind = "bad-page"
	BadRSS          Kind = "bad-rss"
	DebugVM         Kind = "debug-vm"
	Slab            Kind = "slab"
	Refcount        Kind = "refcount"
	List            Kind = "list"
	Usercopy        Kind = "usercopy"
	Fortify         Kind = "fortify"
	ODEBUG          Kind = "odebug"
	Kmemleak        Kind = "kmemleak"
	NullPointer     Kind = "null-pointer"
	PageFault       Kind = "page-fault"
	Protection      Kind = "general-protection"
	DivideError     Kind = "divide-error"
	InvalidOpcode   Kind = "invalid-opcode"
	Stack           Kind = "stack"
	DoubleFault     Kind = "double-fault"
	Oops            Kind = "oops" // a fault of another sort
	KernelBUG       Kind = "kernel-bug"
	Warning         Kind = "warning"
	BUG             Kind = "bug" // what calls itself one and is none of the others
	OutOfMemory     Kind = "out-of-memory"
	Netdevice       Kind = "netdevice"
	Panic           Kind = "panic"
	Reboot          Kind = "reboot"
)

// An ending says by what the end of a report is known.
type ending int

const (
	atStack  ending = iota // the first line behind its stack that is none of a report
	atMark                 // a line that says so: form.mark
	atOnce                 // it is one line
	byShapes               // the first line that is none of a report; it may have no stack
)

// A form is one way for the kernel to begin a report.
type form struct {
	kind    Kind
	hint    string         // is in the line; cheaper to look for than the pattern
	pattern *regexp.Regexp // of the line that names the report
	title   string         // of the groups of pattern (regexp.Expand)
	plain   bool           // the title stands without the guilty function
	ending  ending
	mark    *regexp.Regexp // atMark: the last line; atStack: what stands above the last stack
}

var (
	endTrace  = regexp.MustCompile(`^---\[ end trace `)                       // print_oops_end_marker, kernel/panic.c
	endRule   = regexp.MustCompile(`^={40,}$|^---\[ end trace `)              // the sanitizers; UBSAN's last line changed in 6.7
	endPanic  = regexp.MustCompile(`^---\[ end Kernel panic `)                // panic, kernel/panic.c
	backtrace = regexp.MustCompile(`^stack backtrace:$`)                      // kernel/locking/lockdep.c
	header    = regexp.MustCompile(`^CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: `) // dump_stack_print_info, lib/dump_stack.c
)

// die is how x86 says the name of a trap (__die_header, arch/x86/kernel/dumpstack.c);
// since 6.8 with "Oops: " before it.
func die(name string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:Oops: )?(` + name + `)(?:,? .*)?: [0-9a-f]{4} \[#\d+\]`)
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(s) }

// forms are tried in order. Each cites what prints it, in 6.1.
var forms = []form{
	// mm/kasan/report.c: print_error_description, kasan_report_invalid_free
	{kind: KASAN, hint: "BUG: KASAN: ", pattern: re(`^BUG: KASAN: ([\w -]+?)(?: in .*)?$`), title: "KASAN: $1", ending: atMark, mark: endRule},
	// mm/kfence/report.c: kfence_report_error
	{kind: KFENCE, hint: "BUG: KFENCE: ", pattern: re(`^BUG: KFENCE: ([\w -]+?)(?: in .*)?$`), title: "KFENCE: $1", ending: atMark, mark: endRule},
	// mm/kmsan/report.c: kmsan_report
	{kind: KMSAN, hint: "BUG: KMSAN: ", pattern: re(`^BUG: KMSAN: ([\w -]+?)(?: in .*)?$`), title: "KMSAN: $1", ending: atMark, mark: endRule},
	// kernel/kcsan/report.c: print_report
	{kind: KCSAN, hint: "BUG: KCSAN: ", pattern: re(`^BUG: KCSAN: ([\w -]+?)(?: in .*)?$`), title: "KCSAN: $1", ending: atMark, mark: endRule},
	// lib/ubsan.c: ubsan_prologue
	{kind: UBSAN, hint: "UBSAN: ", pattern: re(`^UBSAN: ([\w-]+)(?: in \S+:\d+:\d+)?$`), title: "UBSAN: $1", ending: atMark, mark: endRule},

	// kernel/locking/lockdep.c: print_circular_bug_header, print_irq_inversion_bug_header,
	// print_bad_irq_dependency. Which function completes the circle depends on which of
	// the two orders came first, so the title has none.
	{kind: Lockdep, hint: "WARNING: possible ", pattern: re(`^WARNING: (possible (?:circular locking|irq lock inversion) dependency) detected`), title: "lockdep: $1", plain: true, mark: backtrace},
	{kind: Lockdep, hint: "WARNING: possible ", pattern: re(`^WARNING: (possible recursive locking) detected`), title: "lockdep: $1", mark: backtrace}, // print_deadlock_bug
	{kind: Lockdep, hint: "lock order detected", pattern: re(`^WARNING: (\w+-safe -> \w+-unsafe lock order) detected`), title: "lockdep: $1", plain: true, mark: backtrace},
	{kind: Lockdep, hint: "WARNING: inconsistent", pattern: re(`^WARNING: (inconsistent lock state)$`), title: "lockdep: $1", mark: backtrace},            // print_usage_bug
	{kind: Lockdep, hint: "WARNING: bad ", pattern: re(`^WARNING: (bad (?:unlock balance|contention)) detected!`), title: "lockdep: $1", mark: backtrace}, // print_unlock_imbalance_bug
	{kind: Lockdep, hint: "held lock freed", pattern: re(`^WARNING: (held lock freed)!`), title: "lockdep: $1", mark: backtrace},                          // print_freed_lock_bug
	{kind: Lockdep, hint: "WARNING: Nested", pattern: re(`^WARNING: (Nested lock was not taken)`), title: "lockdep: $1", mark: backtrace},                 // print_lock_nested_lock_not_held
	{kind: Lockdep, hint: "chain_key", pattern: re(`^WARNING: (chain_key collision)`), title: "lockdep: $1", mark: backtrace},                             // print_collision
	{kind: Lockdep, hint: "still has locks", pattern: re(`^WARNING: .+/\d+ (still has locks held)!`), title: "lockdep: $1", mark: backtrace},              // print_held_locks_bug
	{kind: Lockdep, hint: "lock held when", pattern: re(`^WARNING: (lock held when returning to user space)!`), title: "lockdep: $1", ending: byShapes},   // lockdep_sys_exit
	{kind: Lockdep, hint: "Invalid wait", pattern: re(`^\[ BUG: (Invalid wait context) \]`), title: "lockdep: $1", mark: backtrace},                       // print_lock_invalid_wait_context
	{kind: Lockdep, hint: "non-static key", pattern: re(`^INFO: (trying to register non-static key)\.`), title: "lockdep: $1"},                            // assign_lock_key
	{kind: Lockdep, hint: "BUG: MAX_", pattern: re(`^BUG: (MAX_\w+ too low)!`), title: "lockdep: $1", plain: true},                                        // print_lockdep_off
	{kind: Lockdep, hint: "BUG: key ", pattern: re(`^BUG: (key) \w+ (has not been registered)!`), title: "lockdep: $1 $2"},                                // lockdep_init_map_type
	{kind: Lockdep, hint: "invalid subclass", pattern: re(`^BUG: (looking up invalid subclass)`), title: "lockdep: $1"},                                   // look_up_lock_class
	{kind: RCUUsage, hint: "suspicious RCU", pattern: re(`^(?:WARNING: |\[ INFO: )(suspicious RCU usage)`), title: "$1", mark: backtrace},                 // lockdep_rcu_suspicious
	{kind: Spinlock, hint: " on CPU#", pattern: re(`^BUG: (spinlock|rwlock) ([\w ]+) on CPU#\d+, `), title: "$1 $2"},                                      // kernel/locking/spinlock_debug.c: spin_dump

	// kernel/rcu/tree_stall.h: print_cpu_stall, print_other_cpu_stall; tree_exp.h, tasks.h
	{kind: RCUStall, hint: "INFO: rcu_", pattern: re(`^(?:rcu: |rcu-tasks: )?INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?`), title: "RCU stall", plain: true, ending: byShapes},
	// kernel/hung_task.c: check_hung_task; it says more of the task in lines of its own
	{kind: HungTask, hint: " blocked for more than ", pattern: re(`^INFO: task .+:\d+ blocked for more than \d+ seconds`), title: "hung task"},
	// kernel/watchdog.c: watchdog_timer_fn. Where a CPU is when that is noticed is chance,
	// as in the other reports of one that is stuck: the title has no function.
	{kind: SoftLockup, hint: "soft lockup", pattern: re(`^(?:watchdog: )?BUG: soft lockup - CPU#\d+ stuck`), title: "soft lockup", plain: true},
	// kernel/watchdog_hld.c: watchdog_overflow_callback; kernel/watchdog.c since 6.5
	{kind: HardLockup, hint: "ard LOCKUP", pattern: re(`^(?:NMI )?[Ww]atchdog: .*[Hh]ard LOCKUP on cpu`), title: "hard lockup", plain: true},
	// kernel/workqueue.c: wq_watchdog_timer_fn. Who holds the pool is not always who stalls it.
	{kind: WorkqueueLockup, hint: "workqueue lockup", pattern: re(`^BUG: workqueue lockup`), title: "workqueue lockup", plain: true, ending: byShapes},
	// kernel/workqueue.c: process_one_work
	{kind: Atomic, hint: "workqueue leaked", pattern: re(`^BUG: (workqueue leaked (?:lock or atomic|atomic, lock or RCU))`), title: "$1"},
	// kernel/sched/core.c: __might_resched, __cant_sleep, __schedule_bug
	{kind: Atomic, hint: "invalid context", pattern: re(`^BUG: (sleeping function called from invalid context)`), title: "$1"},
	{kind: Atomic, hint: "BUG: assuming", pattern: re(`^BUG: (assuming (?:atomic|non migratable) context)`), title: "$1"},
	{kind: Atomic, hint: "BUG: scheduling", pattern: re(`^BUG: (scheduling while atomic|scheduling in a non-blocking section)`), title: "$1"},
	// lib/smp_processor_id.c: check_preemption_disabled
	{kind: Atomic, hint: "in preemptible", pattern: re(`^BUG: (using \w+\(\) in preemptible)`), title: "$1"},

	// mm/page_alloc.c: bad_page; mm/memory.c: print_bad_pte; mm/filemap.c: filemap_unaccount_folio
	{kind: BadPage, hint: "BUG: Bad page", pattern: re(`^BUG: (Bad page (?:state|map|cache)) in process`), title: "$1"},
	// kernel/fork.c: check_mm
	{kind: BadRSS, hint: "rss-counter", pattern: re(`^BUG: (Bad rss-counter state) mm:\w+ (?:type|idx):(\w+)`), title: "$1 $2", plain: true, ending: atOnce},
	{kind: BadRSS, hint: "pgtables_bytes", pattern: re(`^BUG: (non-zero pgtables_bytes on freeing mm)`), title: "$1", plain: true, ending: atOnce},
	// include/linux/mmdebug.h through mm/debug.c: dump_page; a WARNING or BUG follows
	{kind: DebugVM, hint: "page dumped because: VM_", pattern: re(`^page dumped because: (VM_\w+\(.*\))$`), title: "DEBUG_VM: $1", ending: atMark, mark: endTrace},
	// mm/slub.c: slab_bug
	{kind: Slab, hint: "ainted", pattern: re(`^BUG ([\w:.-]+) \((?:Not tainted|Tainted: [^)]*)\): (.+)$`), title: "slab: $1: $2", plain: true, mark: header},
	// lib/refcount.c: refcount_warn_saturate
	{kind: Refcount, hint: "refcount_t: ", pattern: re(`^refcount_t: (.+?)\.?$`), title: "refcount: $1", ending: atMark, mark: endTrace},
	// lib/list_debug.c
	{kind: List, hint: " corruption", pattern: re(`^(list_(?:add|del)) (?:double add|corruption)`), title: "$1 corruption", ending: atMark, mark: endTrace},
	{kind: List, hint: "list_add double add", pattern: re(`^(list_add double add)`), title: "$1", ending: atMark, mark: endTrace},
	// mm/usercopy.c: usercopy_abort
	{kind: Usercopy, hint: "usercopy: ", pattern: re(`^usercopy: (Kernel memory (?:exposure|overwrite)) attempt detected (?:from|to) ([\w ]+)`), title: "usercopy: $1", ending: atMark, mark: endTrace},
	// lib/string_helpers.c: fortify_panic
	{kind: Fortify, hint: "detected buffer", pattern: re(`^(detected buffer overflow in \w+)$`), title: "$1", ending: atMark, mark: endTrace},
	// lib/debugobjects.c: debug_print_object
	{kind: ODEBUG, hint: "ODEBUG: ", pattern: re(`^ODEBUG: (\w+ \w[\w ]*?) \(active state \d+\) object`), title: "ODEBUG: $1", ending: atMark, mark: endTrace},
	{kind: ODEBUG, hint: "ODEBUG: ", pattern: re(`^ODEBUG: (object .*)`), title: "ODEBUG: object not annotated", ending: atMark, mark: endTrace},
	// mm/kmemleak.c: kmemleak_scan; print_unreferenced is what its file shows
	{kind: Kmemleak, hint: "kmemleak: ", pattern: re(`^kmemleak: \d+ new suspected memory leaks`), title: "kmemleak: suspected memory leaks", plain: true, ending: atOnce},
	{kind: Kmemleak, hint: "unreferenced object", pattern: re(`^unreferenced object 0x\w+ \(size (\d+)\)`), title: "memory leak", mark: re(`^  backtrace`)},
	// net/core/dev.c: netdev_wait_allrefs_any
	{kind: Netdevice, hint: "unregister_netdevice", pattern: re(`^(unregister_netdevice: waiting) for \S+ to become free`), title: "$1", plain: true, ending: atOnce},

	// arch/x86/mm/fault.c: show_fault_oops
	{kind: NullPointer, hint: "NULL pointer", pattern: re(`^BUG: (?:kernel |unable to handle kernel )NULL pointer dereference`), title: "null pointer dereference", ending: atMark, mark: endTrace},
	{kind: PageFault, hint: "BUG: unable", pattern: re(`^BUG: unable to handle (?:page fault|kernel paging request)`), title: "page fault", ending: atMark, mark: endTrace},
	// arch/arm64/mm/fault.c: die_kernel_fault; arch/riscv/mm/fault.c: die_kernel_fault
	{kind: NullPointer, hint: "Unable to handle", pattern: re(`^Unable to handle kernel NULL pointer dereference at virtual address`), title: "null pointer dereference", ending: atMark, mark: endTrace},
	{kind: PageFault, hint: "Unable to handle", pattern: re(`^Unable to handle kernel (.+?) at virtual address`), title: "page fault", ending: atMark, mark: endTrace},
	// arch/x86/kernel/traps.c
	{kind: Stack, hint: "stack guard page", pattern: re(`^(?:Oops: )?(?:BUG: \w+ )?(stack guard page)(?: was hit at|: [0-9a-f]{4} \[#)`), title: "$1", ending: atMark, mark: endTrace}, // handle_stack_overflow
	{kind: DoubleFault, hint: "double fault", pattern: re(`^(?:Oops: )?(?:traps: )?(?:PANIC: )?double fault(?:, error_code|: [0-9a-f]{4} \[#)`), title: "double fault", ending: atMark, mark: endTrace},
	{kind: Protection, hint: "protection fault", pattern: die("general protection fault"), title: "$1", ending: atMark, mark: endTrace},
	{kind: DivideError, hint: "divide error", pattern: die("divide error"), title: "$1", ending: atMark, mark: endTrace},
	{kind: InvalidOpcode, hint: "invalid opcode", pattern: die("invalid opcode"), title: "$1", ending: atMark, mark: endTrace},
	{kind: Oops, hint: "Missing ENDBR", pattern: re(`^(?:traps: )?(Missing ENDBR): `), title: "control flow: $1", ending: atMark, mark: endTrace},           // exc_control_protection
	{kind: Stack, hint: "stack space", pattern: re(`^(Insufficient stack space to handle exception)!`), title: "stack: $1", ending: atMark, mark: endTrace}, // arch/arm64, arch/riscv traps.c
	{kind: Stack, hint: "stack corrupted", pattern: re(`^(Thread overran stack, or stack corrupted)`), title: "stack: $1", ending: atMark, mark: endTrace},  // arch/x86/mm/fault.c
	{kind: Stack, hint: "stack segment", pattern: die("stack segment"), title: "$1", ending: atMark, mark: endTrace},
	// lib/bug.c: __report_bug
	{kind: KernelBUG, hint: "kernel BUG at", pattern: re(`^kernel BUG at (\S+?):\d+!`), title: "kernel BUG", ending: atMark, mark: endTrace},
	{kind: KernelBUG, hint: "Kernel BUG at", pattern: re(`^Kernel BUG at (.*)`), title: "kernel BUG", ending: atMark, mark: endTrace},
	// kernel/panic.c: __warn; the second form since 6.16
	{kind: Warning, hint: "WARNING: CPU: ", pattern: re(`^WARNING: CPU: \d+ PID: \d+ at `), title: "WARNING", ending: atMark, mark: endTrace},
	{kind: Warning, hint: ", CPU#", pattern: re(`^WARNING: \S+:\d+ at .*, CPU#\d+: `), title: "WARNING", ending: atMark, mark: endTrace},
	// arch/arm64/kernel/traps.c, arch/riscv/kernel/traps.c, arch/x86: the name of the trap or an error code
	{kind: Oops, hint: "Internal error: ", pattern: re(`^Internal error: (?:Oops - )?(\w[\w ]*?)(?: in EL\d)?(?:: [0-9a-f]+)? \[#\d+\]`), title: "oops: $1", ending: atMark, mark: endTrace},
	// arch/riscv/kernel/traps.c: DO_ERROR_INFO, whose text has the word twice up to 6.1
	{kind: Oops, hint: "address misaligned", pattern: re(`^Oops - (?:Oops - )?(?:load|store \(or AMO\)) address misaligned \[#\d+\]`), title: "alignment fault", ending: atMark, mark: endTrace},
	{kind: Oops, hint: "Oops", pattern: re(`^(?:Oops: )?Oops(?: - (?:Oops - )?([\w ()]+?)|: [0-9a-f]{4})? \[#\d+\]`), title: "oops: $1", ending: atMark, mark: endTrace},
	{kind: Oops, hint: " [#", pattern: die(`[a-z][a-z0-9 -]+`), title: "oops: $1", ending: atMark, mark: endTrace},

	// mm/oom_kill.c: __oom_kill_process; the report stands before this line
	{kind: OutOfMemory, hint: "Out of memory: ", pattern: re(`^Out of memory: Killed process \d+ \(([^)]*)\)`), title: "out of memory: $1", plain: true, ending: atOnce},
	// kernel/panic.c: panic, and __stack_chk_fail
	{kind: Stack, hint: "stack-protector", pattern: re(`^Kernel panic - not syncing: (stack-protector: Kernel stack is corrupted) in`), title: "$1", ending: atMark, mark: endPanic},
	{kind: Panic, hint: "Kernel panic", pattern: re(`^Kernel panic - not syncing: (.+)$`), title: "panic: $1", plain: true, ending: atMark, mark: endPanic},
	{kind: BUG, hint: "BUG: ", pattern: re(`^BUG: (.+)$`), title: "BUG: $1"},
}
