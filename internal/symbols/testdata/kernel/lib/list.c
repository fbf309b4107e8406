#include "../include/list.h"

static __attribute__((noinline)) int twice(int v)
{
	return word * 2 + v;	/* in list's twice */
}

static __attribute__((noinline)) int same(int v)
{
	return word * v;
}

int in_list(int v)
{
	middle(v);		/* in in_list */
	return twice(v) + same(v);
}
