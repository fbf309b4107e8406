package console

import (
	"regexp"
	"slices"
	"strings"
)

// A rank says how much it tells that a function stands on a stack.
type rank int

const (
	telling rank = iota
	entry        // how the kernel was entered: a system call, a thread, an interrupt
	service      // does what it is told for everybody: the caller is to blame
	noise        // makes the report
)

// ranks are the functions that are not to blame; a name that ends with * stands
// for all that begin so. What is in none of the lists tells.
var ranks = map[rank]string{
	noise: `
dump_stack* show_stack* __dump_stack print_address_description* print_report print_trailer object_err kasan_* __kasan_* ____kasan_*
__asan_* __hwasan_* check_region_inline check_memory_region* memory_is_poisoned* end_report* start_report* kfence_* __kfence_*
__tsan_* kcsan_* __kcsan_* check_access set_other_info* kmsan_* __kmsan_* __msan_* ubsan_* __ubsan_* handle_overflow
__warn warn_slowpath* __warn_printk report_bug handle_bug __report_bug bug_at panic nmi_panic panic_other_cpu* die __die* die_kernel_fault oops_end oops_enter
exc_* asm_exc_* do_error_trap* do_trap* fixup_bug* bad_area* __bad_area* no_context page_fault_oops kernelmode_fixup_or_oops do_kern_addr_fault
do_user_addr_fault handle_page_fault kerneloops do_mem_abort el1_* el1h_* el0_* el0t_* do_translation_fault do_page_fault __do_kernel_fault do_kernel_fault arm64_notify_die
do_undefinstr bug_handler call_break_hook brk_handler do_debug_exception do_trap_break handle_break restore_all* ret_from_exception do_bad_area
error_entry paranoid_entry double_fault* invalid_op general_protection page_fault asm_*_error
stack_trace_save* save_stack* save_trace arch_stack_walk set_track* __dump_page dump_page
print_circular_bug* print_deadlock_bug* print_usage_bug* print_irq_* print_unlock_imbalance* print_bad_irq_dependency* print_lock_*
lock_acquire* lock_release* __lock_acquire* __lock_release* check_prev_add* check_prevs_add* check_deadlock* check_noncircular* check_irq_usage* check_wait_context*
validate_chain* mark_lock* mark_usage mark_held_locks valid_state* check_usage* lockdep_* __lockdep_* debug_check_no_locks* debug_lockdep* register_lock_class lock_is_held* look_up_lock_class
trace_hardirqs_* trace_softirqs_* check_flags* rcu_lockdep* assign_lock_key __raw_spin_lock_init
__might_resched __might_sleep* ___might_sleep __cant_sleep __schedule_bug __might_fault check_preemption_disabled debug_smp_processor_id __this_cpu_preempt_check
refcount_warn_saturate refcount_*checked* __list_add_valid* __list_del_entry_valid* __list_add* __list_del* list_add* list_del* __plist_*
debug_object_* __debug_object_* debug_print_object __debug_check_no_obj* debug_check_no_obj* debug_timer_* debug_hrtimer_* debug_work_* spin_dump spin_bug rwlock_bug do_raw_* debug_spin_*
check_bytes_and_report* slab_err slab_bug* slab_pad_check* check_object* check_slab* alloc_debug_processing free_debug_processing* alloc_consistency* free_consistency* on_freelist __slab_err slab_fix init_object restore_bytes
bad_page* free_page_is_bad* check_free_page* free_page_bad* print_bad_pte check_new_page*
usercopy_abort __check_object_size* check_stack_object check_heap_object* __check_heap_object fortify_panic __fortify_panic __fortify_report __stack_chk_fail
nmi_cpu_backtrace* nmi_trigger_* trigger_all_cpu* trigger_single_cpu* trigger_allbutself* trigger_cpumask* arch_trigger_* nmi_handle* default_do_nmi end_repeat_nmi rcu_dump_cpu_stacks* print_cpu_stall* print_other_cpu_stall* check_cpu_stall* rcu_check_gp_kthread* rcu_sched_clock_irq rcu_pending*
watchdog* __perf_event_overflow perf_event_overflow perf_event_nmi* hardlockup* check_hung_* __unwind_start`,
	service: `
memcpy* memset* memmove* memcmp* memchr* __memcpy* __memset* __memmove* memscan strlen* strnlen* strcpy* strncpy* strscpy* strcmp* strncmp* strchr* strstr* sized_strscpy rep_movs* clear_page* copy_page*
copy_from_user* copy_to_user* _copy_from_user* _copy_to_user* __copy_user* raw_copy_* copy_user_* rep_stos* __get_user* __put_user* strncpy_from_user* strnlen_user* copy_from_kernel_nofault* copy_to_kernel_nofault* _copy_from_iter* _copy_to_iter* copy_page_from_iter* copy_page_to_iter* __clear_user* clear_user* might_fault
_raw_spin_* _raw_read_* _raw_write_* __raw_spin_* native_queued_* queued_spin_* queued_read_* queued_write_* pv_* __pv_* mutex_* __mutex_* _mutex_* down down_* __down* up up_* __up_* rwsem_* percpu_down_* percpu_up_* rt_mutex_* rtlock_* ww_mutex_* spin_lock* spin_unlock* rcu_read_lock* rcu_read_unlock*
schedule schedule_* __schedule* preempt_schedule* __cond_resched* io_schedule* __wait_for_common wait_for_common* wait_for_completion* do_wait_for_common* __wait_on_* wait_on_* prepare_to_* finish_wait out_of_line_wait* msleep* usleep_* ssleep bit_wait* synchronize_rcu* synchronize_srcu* __synchronize_srcu* synchronize_sched* wait_rcu_gp __wait_rcu_gp rcu_barrier* kthread_stop flush_work* __flush_work* flush_workqueue* __flush_workqueue* context_switch __switch_to* hrtimer_nanosleep do_nanosleep
kmalloc* __kmalloc* kzalloc* kfree kfree_* kvfree* kmem_cache_* __kmem_cache_* slab_* __slab_* ___slab_alloc* cache_free* __do_kmalloc* __alloc_pages* alloc_pages* __free_pages* free_pages* free_unref_* __free_one_page free_pcp* get_page_from_freelist __rmqueue* rmqueue* prep_new_page* vmalloc* __vmalloc* vfree* vzalloc* krealloc* kstrdup* kmemdup* __folio_put* put_page* folio_* ksize free_large_kmalloc free_to_partial_list put_cpu_partial unfreeze_partials* do_slab_free* get_partial* allocate_slab new_slab do_kmem_cache* shutdown_cache
get_user_pages* __get_user_pages* get_user_pages_remote* __get_user_pages_remote* pin_user_pages* __gup_longterm* follow_page* follow_pud* follow_pmd* follow_p4d* faultin_page* fixup_user_fault handle_mm_fault __handle_mm_fault handle_pte_fault do_fault* do_anonymous_page* do_wp_page* wp_page_copy try_grab_*
refcount_* __refcount_* kref_* preempt_count_* atomic_* atomic64_* arch_atomic* set_bit* clear_bit* test_bit* test_and_* instrument_* find_next_bit* _find_* xas_* xa_* radix_tree_* idr_* rb_* __rb_* llist_*
mod_timer* add_timer* del_timer* timer_delete* __mod_timer* init_timer* timer_init* try_to_del_timer* hrtimer_start* hrtimer_init* hrtimer_cancel* queue_work* __queue_work* queue_delayed_work* cancel_work* __cancel_work* cancel_delayed_* init_work* __init_work
vprintk* _printk printk* console_* prb_* up_write* vsnprintf* snprintf* sprintf* scnprintf*
smp_call_function* on_each_cpu* csd_lock* generic_exec_single* stop_one_cpu* stop_machine*
arch_local_irq* local_irq* native_irq* native_save_fl* native_safe_halt* default_idle* arch_cpu_idle* native_halt cpu_relax rep_nop delay_* __delay* __udelay* __const_udelay* __ndelay* ktime_get* read_tsc jiffies_* native_sched_clock sched_clock* cpuidle_* amd_e400_idle mwait_idle* acpi_idle* acpi_safe_halt
call_timer_fn __run_timers* run_timer_* expire_timers run_timer_base`,
	entry: `
do_syscall_* entry_SYSCALL* entry_INT80* entry_SYSENTER* __x64_sys_* __ia32_sys_* __arm64_sys_* __riscv_sys_* __se_sys_* __do_sys_* do_syscall* x64_sys_call invoke_syscall* el0_svc* syscall_* ret_from_* kthread kthreadd kthread_worker_fn worker_thread* process_one_work process_scheduled_works ret_to_user* ret_from_syscall secondary_startup* start_secondary start_kernel x86_64_start* rest_init cpu_startup_entry do_idle cpu_idle* call_cpuidle arch_call_rest_init
ksys_* vfs_* __vfs_* do_iter_* do_readv* do_writev* new_sync_* full_proxy_* exit_to_user* irqentry_* syscall_exit* prepare_exit_to* common_interrupt* sysvec_* asm_sysvec_* __sysvec_* asm_common_* handle_irq* __handle_irq* do_IRQ generic_handle_* irq_exit* __irq_exit* irq_enter* __do_softirq* do_softirq* handle_softirqs* run_ksoftirqd invoke_softirq smpboot_thread_fn
hrtimer_interrupt __hrtimer_run_queues hrtimer_run_* hrtimer_wakeup tick_* update_process_times apic_timer* local_apic_timer* smp_apic_* call_on_* gic_handle_irq handle_percpu_* do_interrupt_handler flush_smp_call_* __flush_smp_call_* generic_smp_call_*
do_one_initcall do_initcalls* kernel_init* kernel_init_freeable do_basic_setup* do_exit do_group_exit make_task_dead get_signal arch_do_signal* do_notify_resume task_work_run*`,
}

var exactly, beginning = rankTables()

func rankTables() (exact map[string]rank, prefix map[rank][]string) {
	exact, prefix = map[string]rank{}, map[rank][]string{}
	for r, names := range ranks {
		for _, n := range strings.Fields(names) {
			if p, ok := strings.CutSuffix(n, "*"); ok {
				prefix[r] = append(prefix[r], p)
			} else {
				exact[n] = r
			}
		}
	}
	return exact, prefix
}

func rankOf(function string) rank {
	if r, ok := exactly[function]; ok {
		return r
	}
	for _, r := range []rank{noise, service, entry} {
		for _, p := range beginning[r] {
			if strings.HasPrefix(function, p) {
				return r
			}
		}
	}
	return telling
}

var (
	// aside stands above a stack that says where something came from, not what
	// went wrong.
	aside = regexp.MustCompile(`^(?:Allocated by|Freed by|Allocated in|Freed in|allocated by|freed by|Last potentially related|Second to last|Uninit was (?:created|stored)|The buggy address|Showing all locks|Mem-Info|Register |the shortest dependencies|the existing dependency chain|Memory state|\s*INITIAL USE|Slab 0x)`)
	// held is a lock that a task keeps (print_lock, kernel/locking/lockdep.c).
	held     = regexp.MustCompile(`^ #\d+: .*, at: ` + symbol)
	inFlight = regexp.MustCompile(`^    in-flight: \d+(?:\(RESCUER\))?:([\w.]+)`)
	// A jump to what is no code: who jumped is to blame, not where it went.
	fetch   = regexp.MustCompile(`^#PF: supervisor instruction fetch|^kernel tried to execute `)
	smashed = regexp.MustCompile(`stack is corrupted in: ([A-Za-z_][\w.]*)`)
)

// guilty finds the function that a report is about: the innermost that is not
// there to make the report or to serve everybody. If there is none, the function
// that serves, then the one that enters the kernel, is better than nothing.
func guilty(kind Kind, texts []string, frames []Frame) string {
	switch kind {
	case OutOfMemory, Netdevice, Reboot, BadRSS:
		return "" // who happened to be there
	case WorkqueueLockup:
		return firstMatch(inFlight, texts)
	case Stack:
		if f := firstMatch(smashed, texts); f != "" {
			return f
		}
	}
	from := 0
	for i, text := range texts {
		if backtrace.MatchString(text) {
			from = i
			break
		}
	}
	data := slices.ContainsFunc(texts, fetch.MatchString)
	best := bestOf(texts, frames, from, func(f Frame) bool { return !f.Unreliable && (!f.Exact || !data) })
	if len(best) == 0 { // the unwinder lost its way: guesses are all there is
		best = bestOf(texts, frames, from, func(f Frame) bool { return !f.Exact || !data })
	}
	if best[telling] != "" {
		return best[telling]
	}
	if kind == Lockdep {
		if f := firstMatch(held, texts); f != "" && best[service] == "" {
			return f
		}
	}
	for _, r := range []rank{service, entry} {
		if best[r] != "" {
			return best[r]
		}
	}
	return ""
}

// bestOf returns the first function of each rank among the frames to look at,
// up to one that tells or to a stack that is beside the matter.
func bestOf(texts []string, frames []Frame, from int, look func(Frame) bool) map[rank]string {
	best := map[rank]string{}
	i := from
	for _, f := range frames {
		if f.At < from || !look(f) {
			continue
		}
		for ; i < f.At; i++ {
			if len(best) > 0 && i > from && aside.MatchString(texts[i]) {
				return best
			}
		}
		r := rankOf(f.Name())
		if best[r] == "" {
			best[r] = f.Name()
		}
		if r == telling {
			break
		}
	}
	return best
}

func firstMatch(p *regexp.Regexp, texts []string) string {
	for _, text := range texts {
		if m := p.FindStringSubmatch(text); m != nil {
			return sourceName(m[1])
		}
	}
	return ""
}
