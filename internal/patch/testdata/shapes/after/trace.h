/* SPDX-License-Identifier: MIT */
/*
 * Tracepoints of a made-up subsystem, for the tests of internal/patch.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM spool

#if !defined(_TRACE_SPOOL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SPOOL_H

#include <linux/tracepoint.h>

TRACE_EVENT(spool_read,

	TP_PROTO(const char *name, u32 index, int ret),

	TP_ARGS(name, index, ret),

	TP_STRUCT__entry(
		__string(name, name)
		__field(u32, index)
		__field(int, ret)
	),

	TP_fast_assign(
		__assign_str(name, name);
		__entry->index = index;
		__entry->ret = ret;
	),

	TP_printk("%s: %u (%d)",
		  __get_str(name), __entry->index,
		  __entry->ret)
);

TRACE_EVENT(spool_destroy,

	TP_PROTO(const char *name),

	TP_ARGS(name),

	TP_STRUCT__entry(
		__string(name, name)
	),

	TP_fast_assign(
		__assign_str(name, name);
	),

	TP_printk("%s", __get_str(name))
);

static inline u32 spool_first(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->first;
}

#define spool_swap(a, b)		\
({					\
	typeof(a) _tmp = (a);		\
					\
	BUILD_BUG_ON(sizeof(a) !=	\
		     sizeof(b));	\
					\
	(a) = (b);			\
	(b) = _tmp;			\
})

static inline u32 spool_last(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->last;
}

static inline u32 spool_rotate(u32 word, unsigned int shift)
{
	shift &= 31;

	return shift ? (word << shift) | (word >> (32 - shift))
		     : word;
}

static inline u32 spool_count(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->count;
}

static __always_inline void spool_barrier(void)
{
	unsigned long dummy;

	asm volatile("mov %1, %0\n\t"
		     "nop"
		     : "=r" (dummy)
		     : "r" (0UL)
		     : "memory");
}

static inline u32 spool_limit(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->limit;
}

static inline bool spool_in_range(u32 index, u32 first, u32 last)
{
	if (first <= last)
		return index >= first && index <= last;

	/* it wraps around */
	return index >= first || index <= last;
}

static inline u32 spool_order(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->order;
}

#define SPOOL_STATES			\
	EM(SPOOL_IDLE, "idle")		\
	EM(SPOOL_RUNNING, "running")	\
	EM(SPOOL_DRAINING, "draining")	\
	EMe(SPOOL_DEAD, "dead")

static inline u32 spool_weight(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->weight;
}

extern int spool_debug;
extern int spool_lookup(const char *name, struct spool **spool,
			unsigned int flags);

static inline u32 spool_depth(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->depth;
}

static inline void spool_log(const char *what)
{
	if (spool_debug > 1) {
		printk(KERN_DEBUG "spool: %s on %d, a line that is too long to "
		       "stand in one piece\n", what, smp_processor_id());
	}
}

static inline u32 spool_height(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->height;
}

struct spool_packet {
	__le16 type;
	__le16 len;
	__le32 crc;	/* over all that follows */
	__le32 seq;
	u8 data[];
} __packed;

#endif /* _TRACE_SPOOL_H */

#include <trace/define_trace.h>
