/* SPDX-License-Identifier: MIT */
/*
 * A spool of fixed-size slots, written for the tests of internal/patch. It is
 * no kernel code and is never built: its shapes matter, not what it does.
 */
#ifndef _SPOOL_H
#define _SPOOL_H

#include <linux/list.h>
#include <linux/types.h>

#define SPOOL_SLOTS		64
#define SPOOL_NAME_LEN		32

#define SPOOL_F_OPEN		BIT(0)
#define SPOOL_F_DIRTY		BIT(1)

/**
 * struct spool_slot - one slot of a spool
 * @link:	entry in the spool's list
 * @index:	place in the spool
 * @len:	bytes in use
 */
struct spool_slot {
	struct list_head link;
	u32 index;
	u32 len;
};

struct spool_stats {
	u64		reads;
	u64		writes;
	atomic_t	users;
	spinlock_t	lock;		/* protects the counters */
};

enum spool_state {
	SPOOL_IDLE,
	SPOOL_RUNNING,
	SPOOL_DEAD,
};

enum spool_cmd {
	SPOOL_CMD_NONE	= 0,
	SPOOL_CMD_START	= 1,
	SPOOL_CMD_STOP	= 2,
};

struct spool {
	struct list_head slots;
	struct mutex lock;
	struct spool_stats stats;
	enum spool_state state;
	char name[SPOOL_NAME_LEN];
};

#define spool_for_each(slot, spool) \
	list_for_each_entry(slot, &(spool)->slots, link)

#define SPOOL_CHECK(spool)						\
	do {								\
		if (WARN_ON(!(spool)))					\
			return -EINVAL;					\
	} while (0)

struct spool *spool_create(const char *name);
void spool_destroy(struct spool *spool);
int spool_read(struct spool *spool, u32 index, void *buf,
	       size_t len);

#ifdef CONFIG_SPOOL_TRACE
void spool_trace(struct spool *spool);
#else
static inline void spool_trace(struct spool *spool)
{
}
#endif

#endif /* _SPOOL_H */
