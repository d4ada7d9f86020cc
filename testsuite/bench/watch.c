/*
 * The busy thread of the bench's target: looks at the clock without pause, and keeps the longest
 * time between two looks.  It takes no lock and makes no system call, so that nothing but the
 * scheduler and whoever stops the thread makes a gap; its caller let go of the GIL.
 *
 * Whoever shares the page asks by writing another number to `request`; when `done` is that number,
 * `longest` is what was seen since the question before.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct page {
	uint64_t request, done, longest;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Nobody else ends a target whose bench was killed. */
int die_with(int parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent;
}

/* Most of a microsecond between two looks, so that the thread is found in code of its own and not
 * in the vdso, where one of the peers cannot go on and would have less to do. */
static void work(void)
{
	for (volatile int i = 0; i < 500; i++)
		;
}

int watch(const char *path)
{
	int fd = open(path, O_RDWR);
	struct page *page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t before = now(), longest = 0;

	if (fd < 0 || page == MAP_FAILED)
		return -1;
	for (;;) {
		work();
		uint64_t at = now();
		uint64_t request = __atomic_load_n(&page->request, __ATOMIC_ACQUIRE);

		if (at - before > longest)
			longest = at - before;
		before = at;
		if (request == page->done)
			continue;
		page->longest = longest;
		__atomic_store_n(&page->done, request, __ATOMIC_RELEASE);
		longest = 0;
		before = now();
	}
}
