#include <linux/fake.h>

const char banner[] = "banner: stable";

int first(int n)
{
	return extra(n) + banner[0];
}
