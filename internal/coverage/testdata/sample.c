/* Loops, jumps, early returns, a switch, a call that never returns, a function
 * that nobody calls. Run with a number: what is executed depends on it. */
#include <stdlib.h>

static int classify(int n)
{
	if (n < 0)
		return -1;
	switch (n % 3) {
	case 0:
		return 30;
	case 1:
		n *= 2;
		break;
	default:
		goto out;
	}
	while (n > 10) {
		n -= 7;
		if (n == 5)
			continue;
		n--;
	}
out:
	return n;
}

static void leave(int n)
{
	if (n > 40)
		exit(0);
}

int unused(int n)
{
	return classify(n) + 1;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += classify(i - 1);
	leave(n);
	return sum == 12345;
}
