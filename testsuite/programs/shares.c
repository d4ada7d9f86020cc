/* Work of known length in C, for shares.py and soak.py. */
#include <time.h>

/* A symbol for each function. */
#define NOT_INLINE __attribute__((noinline))

NOT_INLINE static double thread_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Most of the time is spent here, and not in the system call that reads the clock. */
NOT_INLINE static unsigned spin(unsigned value)
{
	for (int i = 0; i < 20000; i++)
		value = value * 1103515245u + 12345u;
	return value;
}

/* So many seconds of the thread's processor time. */
unsigned burn_in_c(double seconds)
{
	double end = thread_time() + seconds;
	volatile unsigned value = 1;

	while (thread_time() < end)
		value = spin(value);
	return value;
}
