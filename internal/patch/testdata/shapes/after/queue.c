// SPDX-License-Identifier: MIT
/*
 * A made-up queue for the tests of internal/patch, never built.
 */

#include <linux/list.h>
#include <linux/rcupdate.h>

typedef int (*queue_fn)(struct queue *q, void *arg);
typedef bool (*queue_match_fn)(const struct queue_item *item,
			       const void *key);

struct queue_item {
	struct list_head link;
	u64 key;
};

struct queue {
	struct list_head items;
	spinlock_t lock;
	unsigned int nr;
	struct queue_item *table;
	struct work_struct work;
	wait_queue_head_t wait;

	struct {
		u64 added;
		u64 dropped;
	} stats;
};

static DEFINE_PER_CPU(struct queue, queues);

static inline bool queue_empty(struct queue *q)
{
	return list_empty(&q->items);
}

static __always_inline struct queue_item *
queue_peek(struct queue *q, unsigned int n)
{
	struct queue_item *item;

	list_for_each_entry(item, &q->items, link) {
		if (n-- == 0)
			return item;
	}

	return NULL;
}

static struct queue_item *queue_first(struct queue *q)
{
	if (queue_empty(q))
		return NULL;

	return list_first_entry(&q->items, struct queue_item, link);
}

static void queue_add(struct queue *q, struct queue_item *item)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (q->order == QUEUE_FIFO) {
		list_add_tail(&item->link, &q->items);
	} else {
		/* last in, first out */
		list_add(&item->link, &q->items);
	}
	q->nr++;
	q->stats.added++;
	spin_unlock_irqrestore(&q->lock, flags);
}

static int queue_cmp(const struct queue_item *a, const struct queue_item *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;

	return (unsigned long)a < (unsigned long)b ? -1 :
	       (unsigned long)a > (unsigned long)b ? 1 : 0;
}

static struct queue_item *queue_find(struct queue *q, u64 key)
{
	struct queue_item *item;

	list_for_each_entry_rcu(item, &q->items, link,
				lockdep_is_held(&q->lock))
		if (item->key == key)
			return item;

	return NULL;
}

static int queue_run(struct queue *q, queue_fn fn, void *arg)
{
	int ret = 0;

	while (!queue_empty(q) &&
	       !signal_pending(current)) {
		ret = fn(q, arg);
		if (ret < 0)
			break;

		/* Be kind to others */
		cond_resched();
	}

	return ret;
}

static unsigned int queue_count(void)
{
	unsigned int sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct queue *q = per_cpu_ptr(&queues, cpu);

		if (READ_ONCE(q->nr) == 0)
			continue;

		sum += READ_ONCE(q->nr);
	}

	return sum;
}

static int queue_parse(const char *arg, struct queue_args *args)
{
	if (!strcmp(arg, "fifo"))
		args->order = QUEUE_FIFO;
	else if (!strcmp(arg, "lifo"))
		args->order = QUEUE_LIFO;
	else if (!strncmp(arg, "depth=", 6) &&
		 !kstrtouint(arg + 6, 0, &args->depth))
		return 0;
	else
		return -EINVAL;

	return 0;
}

static void queue_print(struct seq_file *m, struct queue *q)
{
	seq_printf(m, "items: %u, added: %llu, dropped: %llu\n",
		   q->nr, q->stats.added, q->stats.dropped);
	seq_puts(m, q->order == QUEUE_FIFO ? "order: fifo\n"
					   : "order: lifo\n");
}

static int queue_event(struct queue *q, int event, int state)
{
	switch (event) {
	case QUEUE_EVENT_ADD:
		return queue_wake(q);
	case QUEUE_EVENT_DEL:
		switch (state) {
		case QUEUE_RUNNING:
			queue_stop(q);
			fallthrough;
		case QUEUE_STOPPED:
			return 1;
		}
		break;
	}

	return 0;
}

static long queue_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct queue *q = file->private_data;
	long ret;

	switch (cmd) {
	case QUEUE_IOC_NR:
		ret = q->nr;
		break;
	case QUEUE_IOC_RESIZE:
		if (!capable(CAP_SYS_ADMIN)) {
			ret = -EPERM;
			break;
		}
		ret = queue_resize(q, arg);
		break;
	default:
		ret = -ENOTTY;
	}

	return ret;
}

static int queue_resize(struct queue *q, unsigned int nr)
{
	struct queue_item *items;
	int ret;

	items = kcalloc(nr, sizeof(*items), GFP_KERNEL);
	if (!items)
		return -ENOMEM;

	ret = queue_copy(items, q->table, min(nr, q->nr));
	if (ret)
		goto err_free;

	ret = queue_check(items);
	if (ret)
		goto err_copy;

	kfree(q->table);
	q->table = items;

	return 0;

err_copy:
	queue_uncopy(items);
err_free:
	kfree(items);
	return ret;
}

static u32 queue_hash(const u8 *data, size_t len)
{
	u32 hash = 0;

	do {
		hash ^= *data++;
		for (int bit = 0; bit < 8; bit++)
			hash = hash & 1 ? (hash >> 1) ^ 0xedb88320
					: hash >> 1;
	} while (--len);

	return hash;
}

static struct queue_param queue_params[QUEUE_PARAMS] = {
	[QUEUE_FIFO] = { .name = "fifo", .depth = 16 },
	[QUEUE_LIFO] = { .name = "lifo", .depth = 16 },
	[QUEUE_SORTED] = {
		.name = "sorted",
		.depth = 64,
		.cmp = queue_cmp,
	},
};

static void queue_work(struct work_struct *work)
{
	struct queue *q = container_of(work, struct queue, work);

	struct queue_args args = {
		.order = q->order,
		.depth = q->nr,
	};

	queue_run(q, queue_drop, &(struct queue_arg) {
		.args = &args,
	});
}

static bool queue_match(const struct queue_item *item, u64 low, u64 high)
{
	const u64 mask = low == high ?
			 ~0ULL :
			 roundup_pow_of_two(high - low) - 1;

	return item->key >= low && (item->key & mask) < high;
}

static int queue_open(struct inode *inode, struct file *file)
{
#if IS_ENABLED(CONFIG_QUEUE_DEBUG) && \
    defined(CONFIG_LOCKDEP)
	lockdep_assert_preemption_enabled();
#endif
	file->private_data = this_cpu_ptr(&queues);
	return nonseekable_open(inode, file);
}

static void queue_stop(struct queue *q)
{
	guard(spinlock_irqsave)(&q->lock);

	q->nr = 0;
	wake_up_all(&q->wait);

	scoped_guard(rcu)
		list_splice_init(&q->items, &q->old);
}

static int __init queue_setup(void)
{
	int cpu, ret;

	for_each_possible_cpu(cpu) {
		ret = queue_init(per_cpu_ptr(&queues, cpu));
		if (ret)
			return ret;
	}

	ret = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "queue:online",
					queue_online, queue_offline);
	if (ret < 0)
		return ret;

	return 0;
}
core_initcall(queue_setup);

/* Sizes */
#define QUEUE_MIN 4
#define QUEUE_MAX 4096
#define QUEUE_DEFAULT (QUEUE_MIN * 4)

static_assert(is_power_of_2(QUEUE_DEFAULT),
	      "the default has to be a power of two");

static unsigned int queue_clamp(unsigned int nr)
{
	return clamp(nr, QUEUE_MIN, QUEUE_MAX);
}

static const char *const queue_names[] = {
	"fifo",
	"lifo",
	"sorted by key, "
	"the smallest first",
};

static void queue_lock(struct queue *q)
	__acquires(&q->lock)
{
	spin_lock(&q->lock);
}

static void queue_unlock(struct queue *q)
{
	lockdep_assert_held(&q->lock);
	if (q->flags & QUEUE_F_DEAD)
		call_rcu(&q->rcu, queue_free);
	spin_unlock(&q->lock);
}

/* The flags of a queue */
enum {
	QUEUE_F_BUSY = 1 << 0,
	QUEUE_F_DEAD = 1 << 1,
	/* set while a resize is under way */
	QUEUE_F_RESIZE = 1 << 2,
	QUEUE_F_ALL = QUEUE_F_BUSY |
		      QUEUE_F_DEAD |
		      QUEUE_F_RESIZE,
};

static int queue_remove(struct queue *q)
{
	unsigned int left __maybe_unused;

	if (q->nr && !(q->flags & QUEUE_F_DEAD))
		return -EBUSY;
	if (WARN_ONCE(q->flags & QUEUE_F_RESIZE,
		      "queue %p: removed while it is resized\n", q))
		return -EAGAIN;

#ifdef CONFIG_QUEUE_DEBUG
	left = queue_count();
	if (left)
		pr_info("%u items left\n", left);
#endif
	return 0;
}
EXPORT_SYMBOL_GPL(queue_remove);

MODULE_LICENSE("GPL");
