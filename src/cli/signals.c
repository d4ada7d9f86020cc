/* What commands that take their time share: signals, and the clock. */
#include "cli/cli.h"

#include <time.h>

void cli_catch(const struct sigaction *action, const int *signals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct sigaction before;
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)
			sigaction(signals[i], action, NULL);
	}
}

void cli_catch_ends(void (*handler)(int number))
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction action = {.sa_handler = handler};
	cli_catch(&action, ends, sizeof(ends) / sizeof(ends[0]));
}

uint64_t cli_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
