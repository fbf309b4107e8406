/* SPDX-License-Identifier: MIT */
/*
 * A spool of fixed-size slots, written for the tests of internal/patch. It is
 * no kernel code and is never built: its shapes matter, not what it does.
 */
#ifndef _SPOOL_H
#define _SPOOL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#define SPOOL_SLOTS		64
#define SPOOL_NAME_LEN		32
#define SPOOL_MAGIC		0x53504f4f

#define SPOOL_F_OPEN		BIT(0)
#define SPOOL_F_DIRTY		BIT(1)
#define SPOOL_F_FULL		BIT(2)
#define SPOOL_F_ALL		(SPOOL_F_OPEN | SPOOL_F_DIRTY | SPOOL_F_FULL)

/**
 * struct spool_slot - one slot of a spool
 * @link:	entry in the spool's list
 * @index:	place in the spool
 * @len:	bytes in use
 * @flags:	SPOOL_F_*, under the lock of the spool
 */
struct spool_slot {
	struct list_head link;
	u32 index;
	u32 len;
	unsigned int flags : 3,
		     reserved : 29;
	unsigned long stamp;
};

struct spool_stats {
	u64		reads;
	u64		writes;
	u64		errors;
	unsigned long	last;		/* jiffies of the last access */
	atomic_t	users;
	spinlock_t	lock;		/* protects the counters */
};

enum spool_state {
	SPOOL_IDLE,
	SPOOL_RUNNING,
	SPOOL_DRAINING,
	SPOOL_DEAD,
};

enum spool_cmd {
	SPOOL_CMD_NONE	= 0,
	SPOOL_CMD_START	= 1,
	SPOOL_CMD_STOP	= 2,
	SPOOL_CMD_DRAIN	= 3,
};

struct spool {
	struct list_head slots;
	struct mutex lock;
	struct spool_stats stats;
	enum spool_state state;
	char name[SPOOL_NAME_LEN];

	/* Called with the lock held when a slot is used up */
	void (*full)(struct spool *spool, struct spool_slot *slot);

	union {
		struct rcu_head rcu;
		struct work_struct work;
	};
};

#define spool_for_each(slot, spool) \
	list_for_each_entry(slot, &(spool)->slots, link)

#define spool_for_each_dirty(slot, spool)				\
	spool_for_each(slot, spool)					\
		if (!((slot)->flags & SPOOL_F_DIRTY))			\
			continue;					\
		else

#define SPOOL_CHECK(spool)						\
	do {								\
		if (WARN_ON(!(spool)))					\
			return -EINVAL;					\
	} while (0)

struct spool *spool_create(const char *name);
void spool_destroy(struct spool *spool);
int spool_read(struct spool *spool, u32 index, void *buf,
	       size_t len);
int spool_write(struct spool *spool, u32 index, const void *buf,
		size_t len, unsigned int flags);

#ifdef CONFIG_SPOOL_TRACE
void spool_trace(struct spool *spool);
void spool_trace_slot(struct spool *spool, const struct spool_slot *slot,
		      const char *what);
#else
static inline void spool_trace(struct spool *spool)
{
}

static inline void spool_trace_slot(struct spool *spool,
				    const struct spool_slot *slot,
				    const char *what)
{
}
#endif

#endif /* _SPOOL_H */
