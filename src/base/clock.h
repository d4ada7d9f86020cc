/* Clocks, in nanoseconds. */
#ifndef PW_BASE_CLOCK_H
#define PW_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t pw_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The one that durations are taken by. */
static inline uint64_t pw_now(void)
{
	return pw_clock(CLOCK_MONOTONIC);
}

#endif
