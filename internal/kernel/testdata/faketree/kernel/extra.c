#include <linux/fake.h>

int extra(int n)
{
	return n + 1;
}
