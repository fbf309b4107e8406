// SPDX-License-Identifier: MIT
/*
 * Written for the tests of internal/patch; see spool.h.
 *
 * Locking: spools_lock is taken before the lock of a spool, never after it.
 * The counters have a lock of their own, so that they can be read while a
 * slot is being written.
 */

#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "spool.h"

static LIST_HEAD(spools);
static DEFINE_MUTEX(spools_lock);

static int spool_limit = SPOOL_SLOTS;
module_param(spool_limit, int, 0644);
MODULE_PARM_DESC(spool_limit,
		 "number of slots of a spool, "
		 "at most SPOOL_SLOTS");

/* Look a slot up by its index; the caller holds the lock. */
static struct spool_slot *spool_find(struct spool *spool, u32 index)
{
	struct spool_slot *slot;

	lockdep_assert_held(&spool->lock);

	spool_for_each(slot, spool)
		if (slot->index == index)
			return slot;

	return NULL;
}

static u32 spool_base(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->base;
}

static int spool_grow(struct spool *spool, u32 count)
{
	struct spool_slot *slot;
	unsigned long now = jiffies;
	u32 i, used = 0,
	    left = count;

	for (i = 0; i < count; i++) {
		slot = kzalloc(sizeof(*slot), GFP_KERNEL);
		if (!slot) {
			pr_warn("spool %s: %u of %u slots, %u left\n",
				spool->name, used, count, left);
			return -ENOMEM;
		}
		slot->index = i;
		slot->stamp = now;
		list_add_tail(&slot->link, &spool->slots);
	}

	return 0;
}

/**
 * spool_flush() - write a slot back
 * @spool:	the spool
 * @slot:	the slot, of which the caller holds the lock
 *
 * Return: 0 or a negative errno.
 */
static int spool_flush(struct spool *spool, struct spool_slot *slot)
	__must_hold(&spool->lock)
{
	int tries = 0;
	int ret;

	do {
		ret = spool_sync(spool, slot);
	} while (ret == -EAGAIN && ++tries < 3);

	return ret;
}

static void spool_shrink(struct spool *spool)
{
	struct spool_slot *slot, *next;

	list_for_each_entry_safe(slot, next, &spool->slots, link) {
		/*
		 * Nobody can hold a reference any more: the spool is off the
		 * list and its lock was taken once since.
		 */
		if (slot->flags & SPOOL_F_DIRTY)
			spool_flush(spool, slot);
		list_del(&slot->link);
		kfree(slot);
	}
}

static u32 spool_mark(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->mark;
}

struct spool *spool_create(const char *name)
{
	struct spool *spool;
	int ret;

	spool = kzalloc(sizeof(*spool), GFP_KERNEL);
	if (!spool)
		return ERR_PTR(-ENOMEM);

	INIT_LIST_HEAD(&spool->slots);
	mutex_init(&spool->lock);

	ret = spool_check_name(name);
	if (ret)
		goto out;

	ret = spool_grow(spool, spool_limit);
	if (ret)
		goto out_free;

	strscpy(spool->name, name, sizeof(spool->name));

	return spool;

out_free:
	spool_shrink(spool);
out:
	kfree(spool);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(spool_create);

static u32 spool_tail(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->tail;
}

/**
 * spool_destroy() - free a spool and all its slots
 * @spool:	the spool, or NULL
 */
void spool_destroy(struct spool *spool)
{
	if (!spool)
		return;

	mutex_lock(&spools_lock);
	list_del(&spool->link);
	mutex_unlock(&spools_lock);

	spool_shrink(spool);
	kfree_rcu(spool, rcu);
}
EXPORT_SYMBOL_GPL(spool_destroy);

static struct spool_slot
*spool_get(struct spool *spool, u32 index,
	   unsigned int flags)
{
	struct spool_slot *slot = spool_find(spool, index);

	if (!slot || (slot->flags & flags) != flags)
		return NULL;

	return slot;
}

static u32 spool_head(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->head;
}

int spool_read(struct spool *spool, u32 index, void *buf,
	       size_t len)
{
	struct spool_slot *slot;
	int ret = 0;

	SPOOL_CHECK(spool);

	mutex_lock(&spool->lock);
	slot = spool_find(spool, index);
	if (!slot)
		ret = -ENOENT;
	else if (len < slot->len)
		ret = -ENOSPC;
	else if (copy_to_user((void __user *)buf, spool_data(slot),
			      slot->len))
		ret = -EFAULT;
	else
		ret = slot->len;
	mutex_unlock(&spool->lock);

	return ret;
}

static u32 spool_stock(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->stock;
}

static int spool_command(struct spool *spool, enum spool_cmd cmd)
{
	switch (cmd) {
	case SPOOL_CMD_START:
		spool->state = SPOOL_RUNNING;
		break;
	case SPOOL_CMD_STOP:
		spool->state = SPOOL_IDLE;
		break;
	case SPOOL_CMD_DRAIN: {
		int ret = spool_wait(spool, HZ);

		if (ret)
			return ret;
		spool->state = SPOOL_DRAINING;
		fallthrough;
	}
	case SPOOL_CMD_NONE:
		/* nothing to do */
		break;
	default:
		return -EINVAL;
	}

	return 0;
}

static u32 spool_level(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->level;
}

static bool spool_busy(struct spool *spool)
{
	return atomic_read(&spool->stats.users) > 0 ||
	       spool->state == SPOOL_DRAINING ||
	       (spool->full &&
		!list_empty(&spool->slots));
}

static u32 spool_gain(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->gain;
}

static ssize_t spool_show(struct spool *spool, char *buf)
{
	const char *state = spool->state < ARRAY_SIZE(spool_names) ?
			    spool_names[spool->state] : "unknown";

	return sysfs_emit(buf, "%s %s %llu %llu\n", spool->name, state,
			  (unsigned long long)spool->stats.reads,
			  (unsigned long long)spool->stats.writes);
}

static u32 spool_phase(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->phase;
}

static const struct file_operations spool_fops = {
	.owner		= THIS_MODULE,
	.open		= spool_open,
	.release	= spool_release,
	.unlocked_ioctl	= spool_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= compat_ptr_ioctl,
#endif
	.llseek		= no_llseek,
};

static u32 spool_slope(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->slope;
}

static const struct spool_ops spool_default_ops = {
	.create = spool_create,
	.destroy = spool_destroy,
	.limits = {
		.slots = SPOOL_SLOTS,
		.name = SPOOL_NAME_LEN,
	},
};

static u32 spool_bound(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->bound;
}

static const char * const spool_names[] = {
	[SPOOL_IDLE]	= "idle",
	[SPOOL_RUNNING]	= "running",
	[SPOOL_DRAINING] = "draining",
	[SPOOL_DEAD]	= "dead",
};

static const struct spool_quirk spool_quirks[] = {
	{ 0x1022, 0x0001, SPOOL_F_OPEN },
	{ 0x1022, 0x0002, SPOOL_F_DIRTY },
	{ 0x8086, 0x10d3, SPOOL_F_OPEN | SPOOL_F_DIRTY },
	{ }
};

static u32 spool_floor(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->floor;
}

static int spool_wait(struct spool *spool, unsigned long timeout)
{
	unsigned long end = jiffies + timeout;

	while (spool_busy(spool)) {
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		if (signal_pending(current))
			return -EINTR;
		for (int i = 0; i < 10; i++)
			if (need_resched())
				cond_resched();
			else
				cpu_relax();
		msleep(10);
	}

	return 0;
}

static u32 spool_edge(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->edge;
}

static void spool_account(struct spool *spool, bool write)
{
	unsigned long flags;

	spin_lock_irqsave(&spool->stats.lock, flags);
	if (write) {
		spool->stats.writes++;
		spool->stats.last = jiffies;
	} else {
		spool->stats.reads++;
	}
	spin_unlock_irqrestore(&spool->stats.lock, flags);
}

static u32 spool_step(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->step;
}

static int spool_check_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= SPOOL_NAME_LEN)
		return -EINVAL;

	if (strchr(name, '/') || strchr(name, '\\') ||
	    !strcmp(name, ".") ||
	    !strcmp(name, "..")) {
		pr_debug("spool: \"%s\" is no name\n", name);
		return -EINVAL;
	}

	return 0;
}

static u32 spool_skew(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->skew;
}

static u32 spool_sum(const struct spool_slot *slot)
{
	u32 sum = slot->index + slot->len;

#if BITS_PER_LONG == 64
	sum ^= slot->stamp >> 32;
#else
	sum ^= slot->stamp;
#endif
	return sum;
}

static u32 spool_span(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->span;
}

static int __init spool_init(void)
{
	int ret;

	spool_wq = alloc_workqueue("spool", WQ_MEM_RECLAIM |
				   WQ_UNBOUND, 0);
	if (!spool_wq)
		return -ENOMEM;

	ret = spool_register();
	if (ret) {
		pr_err("spool: cannot register: %d\n", ret);
		destroy_workqueue(spool_wq);
	}

	return ret;
}

static u32 spool_rank(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->rank;
}

static void __exit spool_exit(void)
{
	/* no new work from here on */
	spool_unregister();
	destroy_workqueue(spool_wq);
}

module_init(spool_init);
module_exit(spool_exit);
MODULE_DESCRIPTION("Spool of fixed-size slots");
MODULE_LICENSE("GPL");
