// SPDX-License-Identifier: GPL-2.0
/*
 * Does on demand what a kernel reports: echo NAME > /sys/kernel/debug/splat.
 * For the forms that lkdtm lacks. Built in as drivers/misc/splat.c.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(mutex_a);
static DEFINE_MUTEX(mutex_b);
static DEFINE_SPINLOCK(spin_a);
static DEFINE_SPINLOCK(spin_b);
static DEFINE_RAW_SPINLOCK(raw_a);
static DECLARE_RWSEM(sem_a);
static volatile int zero;
static int __rcu *pointer;
static int race;

static noinline void lock_ab(void)
{
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_unlock(&mutex_b);
	mutex_unlock(&mutex_a);
}

static noinline void lock_ba(void)
{
	mutex_lock(&mutex_b);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

static void do_circular(void)
{
	lock_ab();
	lock_ba();
}

static void do_recursive(void)
{
	static struct lock_class_key key;
	static spinlock_t x, y;

	spin_lock_init(&x);
	spin_lock_init(&y);
	lockdep_set_class(&x, &key);
	lockdep_set_class(&y, &key);
	spin_lock(&x);
	spin_lock(&y);
	spin_unlock(&y);
	spin_unlock(&x);
}

static void take_spin_a(struct timer_list *t)
{
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
}

static void do_inconsistent(void)
{
	static DEFINE_TIMER(timer, take_spin_a);

	mod_timer(&timer, jiffies + 1);
	msleep(50);
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
}

static void do_irq_inversion(void)
{
	static DEFINE_TIMER(timer, take_spin_a);

	/* spin_a is taken in softirq; spin_b is taken with softirqs on. */
	spin_lock(&spin_b);
	spin_unlock(&spin_b);
	spin_lock_bh(&spin_a);
	spin_lock(&spin_b);
	spin_unlock(&spin_b);
	spin_unlock_bh(&spin_a);
	mod_timer(&timer, jiffies + 1);
	msleep(50);
}

static void do_irq_unsafe(void)
{
	static DEFINE_TIMER(timer, take_spin_a);

	mod_timer(&timer, jiffies + 1);
	msleep(50);
	spin_lock(&spin_b);
	spin_unlock(&spin_b);
	spin_lock_bh(&spin_a);
	spin_lock(&spin_b);
	spin_unlock(&spin_b);
	spin_unlock_bh(&spin_a);
}

static void do_unbalanced(void)
{
	up_read(&sem_a);
}

static void do_held_freed(void)
{
	struct mutex *m = kmalloc(sizeof(*m), GFP_KERNEL);

	mutex_init(m);
	mutex_lock(m);
	kfree(m);
}

static void do_held_return(void)
{
	mutex_lock(&mutex_a);
}

static void do_wait_context(void)
{
	raw_spin_lock(&raw_a);
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
	raw_spin_unlock(&raw_a);
}

static void do_rcu_usage(void)
{
	if (rcu_dereference(pointer))
		pr_info("not null\n");
}

static void do_rcu_leave(void)
{
	rcu_read_lock();
}

static void do_sleep(void)
{
	spin_lock(&spin_a);
	msleep(1);
	spin_unlock(&spin_a);
}

static void do_might_sleep(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void do_schedule(void)
{
	preempt_disable();
	schedule_timeout_uninterruptible(1);
	preempt_enable();
}

static noinline void take_mutex(void)
{
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
}

static int waiter(void *unused)
{
	take_mutex();
	return 0;
}

static void do_hung(void)
{
	mutex_lock(&mutex_a);
	kthread_run(waiter, NULL, "splat-waiter");
	msleep(60000);
	mutex_unlock(&mutex_a);
}

static void stall_work(struct work_struct *w)
{
	unsigned long end = jiffies + 60 * HZ;

	while (time_before(jiffies, end))
		cond_resched();
}

static void do_workqueue(void)
{
	static DECLARE_WORK(one, stall_work);
	static DECLARE_WORK(two, stall_work);

	schedule_work_on(0, &one);
	schedule_work_on(0, &two);
	msleep(60000);
}

static noinline void spin_off(void)
{
	unsigned long end = jiffies + 60 * HZ;

	preempt_disable();
	while (time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
}

static int stall_thread(void *unused)
{
	spin_off();
	return 0;
}

static void do_softlockup(void)
{
	spin_off();
}

static void do_rcu_stall(void)
{
	unsigned long end = jiffies + 60 * HZ;

	rcu_read_lock();
	while (time_before(jiffies, end))
		cpu_relax();
	rcu_read_unlock();
}

static void do_rcu_stall_other(void)
{
	struct task_struct *t = kthread_create(stall_thread, NULL, "splat-stall");

	kthread_bind(t, 1);
	wake_up_process(t);
	msleep(60000);
}

static void do_irqs_off(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int irqs_off_thread(void *unused)
{
	do_irqs_off();
	return 0;
}

static void do_hardlockup(void)
{
	struct task_struct *t = kthread_create(irqs_off_thread, NULL, "splat-off");

	kthread_bind(t, 1);
	wake_up_process(t);
	msleep(60000);
}

static void do_bad_page(void)
{
	struct page *p = alloc_page(GFP_KERNEL);

	p->mapping = (void *)0x1234;
	__free_page(p);
}

static void do_vm_bug(void)
{
	struct page *p = alloc_pages(GFP_KERNEL, 1);

	VM_BUG_ON_PAGE(!PageTail(p), p);
}

static void do_bad_rss(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	atomic_long_add(3, &current->mm->rss_stat.count[MM_ANONPAGES]);
#else
	percpu_counter_add(&current->mm->rss_stat[MM_ANONPAGES], 3);
#endif
}

static void do_list_add(void)
{
	LIST_HEAD(head);
	LIST_HEAD(x);

	list_add(&x, &head);
	list_add(&x, &head);
}

static void do_list_poison(void)
{
	LIST_HEAD(head);
	LIST_HEAD(x);

	list_add(&x, &head);
	list_del(&x);
	list_del(&x);
}

static void do_divide(void)
{
	pr_info("%d\n", 1 / zero);
}

static void do_invalid_opcode(void)
{
	asm volatile(".byte 0x0f, 0xff");
}

static void do_general_protection(void)
{
	pr_info("%d\n", *(volatile int *)0xdead000000000100UL);
}

static void do_null_call(void)
{
	void (*volatile f)(void) = NULL;

	f();
}

static void do_double_fault(void)
{
	asm volatile("movq $0x1000, %rsp; pushq %rax");
}

static void do_int3(void)
{
	asm volatile("int3");
}

static void do_kasan_stack(void)
{
	volatile char a[8];
	volatile int n = 12;

	a[n] = 1;
}

static noinline int read_freed(int *p)
{
	return *(volatile int *)p;
}

static void do_use_after_free(void)
{
	int *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	pr_info("%d\n", read_freed(p));
}

static void do_out_of_bounds(void)
{
	char *volatile p = kmalloc(61, GFP_KERNEL);

	memset((void *)p, 0, zero + 70);
	kfree(p);
}

static void do_double_free(void)
{
	void *volatile p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	kfree(p);
}

static void do_invalid_free(void)
{
	char *volatile p = kmalloc(64, GFP_KERNEL);

	kfree(p + 8);
}

static void do_kasan_null(void)
{
	*(volatile char *)(0x70UL + zero) = 1;
}

static void do_kasan_wild(void)
{
	*(volatile char *)0x1ffff000070070UL = 1;
}

static void do_kasan_user(void)
{
	*(volatile char *)0x7000000UL = 1;
}

static void do_redzone(void)
{
	char *volatile p = kmalloc(64, GFP_KERNEL);

	((volatile char *)p)[64] = 1;
	kfree(p);
}

static void do_poison(void)
{
	static struct kmem_cache *c;
	char *volatile p;

	c = kmem_cache_create("splat_cache", 40, 0, SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER, NULL);
	p = kmem_cache_alloc(c, GFP_KERNEL);
	kmem_cache_free(c, p);
	((volatile char *)p)[12] = 1;
	kmem_cache_alloc(c, GFP_KERNEL);
}

static void do_cache_leak(void)
{
	struct kmem_cache *c = kmem_cache_create("splat_cache", 40, 0, SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER, NULL);

	kmem_cache_alloc(c, GFP_KERNEL);
	kmem_cache_destroy(c);
}

static void do_kfence(void)
{
	char *p;
	int i;

	for (i = 0; i < 200; i++) {
		p = kmalloc(60, GFP_KERNEL);
		kfree(p);
		if (virt_addr_valid(p) && PageSlab(virt_to_head_page(p)) == 0)
			break;
		READ_ONCE(*p);
		msleep(2);
	}
}

static void do_kfence_oob(void)
{
	volatile char *p;
	int i;

	for (i = 0; i < 500; i++) {
		p = kmalloc(PAGE_SIZE / 2, GFP_KERNEL);
		p[-1] = 1;
		p[PAGE_SIZE / 2] = 1;
		kfree((void *)p);
		msleep(2);
	}
}

static void do_shift(void)
{
	volatile int n = 40;

	pr_info("%d\n", 1 << n);
}

static void do_index(void)
{
	static int a[4];
	volatile int n = 7;

	pr_info("%d\n", a[n]);
}

static void do_bool(void)
{
	volatile char c = 7;

	if (*(bool *)&c)
		pr_info("true\n");
}

static int racer(void *unused)
{
	unsigned long end = jiffies + 5 * HZ;

	while (time_before(jiffies, end))
		race++;
	return 0;
}

static void do_race(void)
{
	struct task_struct *t = kthread_create(racer, NULL, "splat-race");

	kthread_bind(t, 1);
	wake_up_process(t);
	racer(NULL);
	msleep(100);
}

static void do_leak(void)
{
	void *volatile p = kmalloc(96, GFP_KERNEL);

	p = NULL;
	p = kmalloc(96, GFP_KERNEL);
	p = NULL;
}

static void nothing(struct timer_list *t)
{
}

static void do_odebug(void)
{
	struct timer_list *t = kzalloc(sizeof(*t), GFP_KERNEL);

	timer_setup(t, nothing, 0);
	mod_timer(t, jiffies + 100 * HZ);
	kfree(t);
}

static void do_odebug_init(void)
{
	static struct timer_list t;

	timer_setup(&t, nothing, 0);
	mod_timer(&t, jiffies + 100 * HZ);
	timer_setup(&t, nothing, 0);
}

static void do_spin_bad_magic(void)
{
	spinlock_t *l = kzalloc(sizeof(*l), GFP_KERNEL);

	spin_lock(l);
}

static void do_smp_id(void)
{
	pr_info("cpu %d\n", smp_processor_id());
}

static void do_warn(void)
{
	WARN(1, "told to");
}

static void warn_irq(struct timer_list *t)
{
	WARN_ON(!zero);
}

static void do_warn_softirq(void)
{
	static DEFINE_TIMER(timer, warn_irq);

	mod_timer(&timer, jiffies + 1);
	msleep(50);
}

static void panic_irq(struct timer_list *t)
{
	*(volatile int *)8 = 1;
}

static void do_oops_softirq(void)
{
	static DEFINE_TIMER(timer, panic_irq);

	mod_timer(&timer, jiffies + 1);
	msleep(50);
}

static void do_oops_atomic(void)
{
	spin_lock(&spin_a);
	*(volatile int *)8 = 1;
}

static DECLARE_COMPLETION(start);

static noinline void warn_other(void)
{
	WARN(1, "the other one");
}

static int other_warner(void *unused)
{
	int i;

	wait_for_completion(&start);
	for (i = 0; i < 3; i++) {
		warn_other();
		cpu_relax();
	}
	return 0;
}

static noinline void warn_this(void)
{
	WARN(1, "this one");
}

static void do_two(void)
{
	struct task_struct *t = kthread_create(other_warner, NULL, "splat-other");
	int i;

	kthread_bind(t, 1);
	wake_up_process(t);
	msleep(20);
	complete(&start);
	for (i = 0; i < 3; i++)
		warn_this();
	msleep(200);
}

static const struct {
	const char *name;
	void (*run)(void);
} forms[] = {
#define FORM(name) { #name, do_##name }
	FORM(circular), FORM(recursive), FORM(inconsistent), FORM(irq_inversion),
	FORM(irq_unsafe), FORM(unbalanced), FORM(held_freed), FORM(held_return),
	FORM(wait_context), FORM(rcu_usage), FORM(rcu_leave), FORM(sleep),
	FORM(might_sleep), FORM(schedule), FORM(hung), FORM(workqueue),
	FORM(softlockup), FORM(rcu_stall), FORM(rcu_stall_other), FORM(irqs_off),
	FORM(hardlockup), FORM(bad_page), FORM(vm_bug), FORM(bad_rss),
	FORM(list_add), FORM(list_poison), FORM(divide), FORM(invalid_opcode),
	FORM(general_protection), FORM(null_call),
	FORM(double_fault), FORM(int3), FORM(kasan_stack), FORM(use_after_free),
	FORM(out_of_bounds), FORM(double_free), FORM(invalid_free),
	FORM(kasan_null), FORM(kasan_wild), FORM(kasan_user), FORM(redzone),
	FORM(poison), FORM(cache_leak), FORM(kfence), FORM(kfence_oob),
	FORM(shift), FORM(index), FORM(bool), FORM(race), FORM(leak),
	FORM(odebug), FORM(odebug_init), FORM(spin_bad_magic), FORM(smp_id),
	FORM(warn), FORM(warn_softirq), FORM(oops_softirq), FORM(oops_atomic),
	FORM(two),
};

static ssize_t splat_write(struct file *f, const char __user *buf, size_t len, loff_t *pos)
{
	char name[32] = "";
	int i;

	if (len >= sizeof(name) || copy_from_user(name, buf, len))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		if (strcmp(strim(name), forms[i].name))
			continue;
		forms[i].run();
		return len;
	}
	return -ENOENT;
}

static const struct file_operations splat_fops = {
	.owner = THIS_MODULE,
	.write = splat_write,
};

static int __init splat_init(void)
{
	debugfs_create_file("splat", 0200, NULL, NULL, &splat_fops);
	return 0;
}
late_initcall(splat_init);
