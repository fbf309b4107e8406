// SPDX-License-Identifier: MIT
/*
 * Written for the tests of internal/patch; see spool.h.
 */

#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "spool.h"

static LIST_HEAD(spools);
static DEFINE_MUTEX(spools_lock);

static int spool_limit = SPOOL_SLOTS;
module_param(spool_limit, int, 0644);

/* Look a slot up by its index; the caller holds the lock. */
static struct spool_slot *spool_find(struct spool *spool, u32 index)
{
	struct spool_slot *slot;

	spool_for_each(slot, spool) {
		if (slot->index == index)
			return slot;
	}

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
	u32 i;

	for (i = 0; i < count; i++) {
		slot = kzalloc(sizeof(*slot), GFP_KERNEL);
		if (!slot)
			return -ENOMEM;
		slot->index = i;
		list_add_tail(&slot->link, &spool->slots);
	}

	return 0;
}

static void spool_shrink(struct spool *spool)
{
	struct spool_slot *slot, *next;

	list_for_each_entry_safe(slot, next, &spool->slots, link) {
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

	ret = spool_grow(spool, spool_limit);
	if (ret)
		goto out_free;

	strscpy(spool->name, name, sizeof(spool->name));

	return spool;

out_free:
	spool_shrink(spool);
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

	spool_shrink(spool);
	kfree(spool);
}
EXPORT_SYMBOL_GPL(spool_destroy);

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

	mutex_lock(&spool->lock);
	slot = spool_find(spool, index);
	if (!slot)
		ret = -ENOENT;
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
	return atomic_read(&spool->stats.users) > 0;
}

static u32 spool_gain(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->gain;
}

static ssize_t spool_show(struct spool *spool, char *buf)
{
	return sysfs_emit(buf, "%s %d\n", spool->name, spool->state);
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
	[SPOOL_DEAD]	= "dead",
};

static const struct spool_quirk spool_quirks[] = {
	{ 0x1022, 0x0001, SPOOL_F_OPEN },
	{ 0x1022, 0x0002, SPOOL_F_DIRTY },
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
	if (write)
		spool->stats.writes++;
	else
		spool->stats.reads++;
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
	return slot->index + slot->len;
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

	ret = spool_register();
	if (ret)
		pr_err("spool: cannot register: %d\n", ret);

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
	spool_unregister();
}

module_init(spool_init);
module_exit(spool_exit);
MODULE_LICENSE("GPL");
