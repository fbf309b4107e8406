#include "../include/list.h"

volatile int word;

__attribute__((noinline)) void sink(int v)
{
	word -= v;
}

__attribute__((noinline, noreturn)) void stop(void)
{
	for (;;)
		word = 0;
}

/* Of one name with lib/list.c's, but longer. */
static __attribute__((noinline)) int twice(int v)
{
	word += v;
	word *= v;
	word -= v;		/* in main's twice */
	return word * 2;
}

/* Of one name and size with lib/list.c's: only its line is another. */
static __attribute__((noinline)) int same(int v)
{
	return word * v;
}

struct pair { int used, unused; };

/* GCC hands it the number, not the pair: same name, ".isra" behind it. */
static __attribute__((noinline)) int shrunk(struct pair *p)
{
	int v = p->used;

	sink(v);
	return word + v;	/* in shrunk */
}

__attribute__((cold, noinline)) void complain(void)
{
	word = -1;
}

__attribute__((noinline)) int split(int v)
{
	if (__builtin_expect(v == 7, 0)) {
		complain();	/* in split's cold part */
		complain();
	}
	return word + v;
}

int in_list(int);

void kernel_init(int v)
{
	struct pair a = { v, 1 }, b = { v + 1, 2 };

	middle(v);		/* in kernel_init */
	word = twice(v);
	word = same(v) + shrunk(&a) + shrunk(&b);
	split(v);
	in_list(v);
	stop();			/* the last of kernel_init */
}
