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

	TP_PROTO(const char *name, u32 index),

	TP_ARGS(name, index),

	TP_STRUCT__entry(
		__string(name, name)
		__field(u32, index)
	),

	TP_fast_assign(
		__assign_str(name, name);
		__entry->index = index;
	),

	TP_printk("%s: %u",
		  __get_str(name), __entry->index)
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
	return (word << (shift & 31)) | (word >> ((-shift) & 31));
}

static inline u32 spool_count(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->count;
}

static __always_inline void spool_barrier(void)
{
	asm volatile("" : : : "memory");
}

static inline u32 spool_limit(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->limit;
}

static inline bool spool_in_range(u32 index, u32 first, u32 last)
{
	return index >= first && index <= last;
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
	EMe(SPOOL_DEAD, "dead")

static inline u32 spool_weight(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->weight;
}

extern int spool_debug;

static inline u32 spool_depth(const struct spool *spool)
{
	if (!spool)
		return 0;

	return spool->depth;
}

static inline void spool_log(const char *what)
{
	if (spool_debug > 1)
		printk(KERN_DEBUG "spool: %s\n", what);
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
	u8 data[];
} __packed;

#endif /* _TRACE_SPOOL_H */

#include <trace/define_trace.h>
