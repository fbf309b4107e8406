// SPDX-License-Identifier: MIT
/*
 * A made-up queue for the tests of internal/patch, never built.
 */

#include <linux/list.h>
#include <linux/rcupdate.h>

typedef int (*queue_fn)(struct queue *q, void *arg);

struct queue_item {
	struct list_head link;
	u64 key;
};

struct queue {
	struct list_head items;
	spinlock_t lock;
	unsigned int nr;
};

static DEFINE_PER_CPU(struct queue, queues);

static inline bool queue_empty(struct queue *q)
{
	return list_empty(&q->items);
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
	list_add_tail(&item->link, &q->items);
	q->nr++;
	spin_unlock_irqrestore(&q->lock, flags);
}

static int queue_cmp(const struct queue_item *a, const struct queue_item *b)
{
	if (a->key < b->key)
		return -1;

	return a->key > b->key;
}

static struct queue_item *queue_find(struct queue *q, u64 key)
{
	struct queue_item *item;

	list_for_each_entry(item, &q->items, link)
		if (item->key == key)
			return item;

	return NULL;
}

static int queue_run(struct queue *q, queue_fn fn, void *arg)
{
	int ret = 0;

	while (!queue_empty(q))
		ret = fn(q, arg);

	return ret;
}

static unsigned int queue_count(void)
{
	unsigned int sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(queues, cpu).nr;

	return sum;
}

static int queue_parse(const char *arg, struct queue_args *args)
{
	if (!strcmp(arg, "fifo"))
		args->order = QUEUE_FIFO;
	else if (!strcmp(arg, "lifo"))
		args->order = QUEUE_LIFO;
	else
		return -EINVAL;

	return 0;
}

static void queue_print(struct seq_file *m, struct queue *q)
{
	seq_printf(m, "items: %u\n", q->nr);
}

static int queue_event(struct queue *q, int event, int state)
{
	switch (event) {
	case QUEUE_EVENT_ADD:
		return queue_wake(q);
	case QUEUE_EVENT_DEL:
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
	default:
		ret = -ENOTTY;
	}

	return ret;
}

static int queue_resize(struct queue *q, unsigned int nr)
{
	struct queue_item *items;

	items = kcalloc(nr, sizeof(*items), GFP_KERNEL);
	if (!items)
		return -ENOMEM;

	kfree(q->table);
	q->table = items;

	return 0;
}

static u32 queue_hash(const u8 *data, size_t len)
{
	u32 hash = 0;

	while (len--)
		hash = hash * 31 + *data++;

	return hash;
}

static struct queue_param queue_params[QUEUE_PARAMS] = {
	[QUEUE_FIFO] = { .name = "fifo", .depth = 16 },
	[QUEUE_LIFO] = { .name = "lifo", .depth = 16 },
};

static void queue_work(struct work_struct *work)
{
	struct queue *q = container_of(work, struct queue, work);

	queue_run(q, queue_drop, NULL);
}

static bool queue_match(const struct queue_item *item, u64 low, u64 high)
{
	return item->key >= low && item->key < high;
}

static int queue_open(struct inode *inode, struct file *file)
{
	file->private_data = this_cpu_ptr(&queues);
	return 0;
}

static void queue_stop(struct queue *q)
{
	q->nr = 0;
	wake_up_all(&q->wait);
}

static int __init queue_setup(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		queue_init(per_cpu_ptr(&queues, cpu));

	return 0;
}
core_initcall(queue_setup);

/* Sizes */
#define QUEUE_MIN 4
#define QUEUE_MAX 4096

static unsigned int queue_clamp(unsigned int nr)
{
	return clamp(nr, QUEUE_MIN, QUEUE_MAX);
}

static const char *const queue_names[] = {
	"fifo",
	"lifo",
};

static void queue_lock(struct queue *q)
{
	spin_lock(&q->lock);
}

static void queue_unlock(struct queue *q)
{
	spin_unlock(&q->lock);
}

/* The flags of a queue */
enum {
	QUEUE_F_BUSY = 1 << 0,
	QUEUE_F_DEAD = 1 << 1,
};

static int queue_remove(struct queue *q)
{
	if (q->nr)
		return -EBUSY;

	return 0;
}

MODULE_LICENSE("GPL");
