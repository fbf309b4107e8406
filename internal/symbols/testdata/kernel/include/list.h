/* What a kernel header is to a trace: code that ends up in others' functions. */

extern volatile int word;
void sink(int);

static inline __attribute__((always_inline)) void innermost(int v)
{
	word = v * 3;		/* in innermost */
	sink(v);
}

static inline __attribute__((always_inline)) void middle(int v)
{
	word++;
	innermost(v + word);	/* in middle */
	word++;
}
