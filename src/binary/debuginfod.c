#include "binary/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	STALL_SECONDS = 10,
	TOTAL_SECONDS = 90,
};

struct pw_debuginfod {
	debuginfod_client *client;
	__typeof__(&debuginfod_find_debuginfo) find;
	__typeof__(&debuginfod_set_progressfn) set_progress;
	__typeof__(&debuginfod_set_user_data) set_user_data;
	__typeof__(&debuginfod_begin) begin;
	__typeof__(&debuginfod_end) end;
	bool given_up;
	double used;	     /* seconds of the calls before */
	double began, moved; /* of this call */
	long done;
};

/* Some programs (GDB) only remember Ctrl-C in their handler, for later: too late for a wait. */
static volatile sig_atomic_t interrupted;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool pw_debuginfod_wanted(void)
{
	const char *urls = getenv(DEBUGINFOD_URLS_ENV_VAR);

	return urls && urls[0];
}

static double stall_limit(void)
{
	const char *text = getenv(DEBUGINFOD_TIMEOUT_ENV_VAR);
	long seconds = text ? strtol(text, NULL, 10) : 0;

	return seconds > 0 ? (double)seconds : STALL_SECONDS;
}

static __typeof__(&debuginfod_get_user_data) get_user_data;

static int on_progress(debuginfod_client *client, long done, long total)
{
	struct pw_debuginfod *debuginfod = get_user_data(client);
	double time = now();

	if (done != debuginfod->done) {
		debuginfod->done = done;
		debuginfod->moved = time;
	}
	debuginfod->given_up |= interrupted || time - debuginfod->moved > stall_limit() ||
				debuginfod->used + time - debuginfod->began > TOTAL_SECONDS;
	return debuginfod->given_up;
}

static bool load(struct pw_debuginfod *debuginfod)
{
	void *library = dlopen(DEBUGINFOD_SONAME, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return false;
	debuginfod->find = dlsym(library, "debuginfod_find_debuginfo");
	debuginfod->set_progress = dlsym(library, "debuginfod_set_progressfn");
	debuginfod->set_user_data = dlsym(library, "debuginfod_set_user_data");
	get_user_data = dlsym(library, "debuginfod_get_user_data");
	debuginfod->begin = dlsym(library, "debuginfod_begin");
	debuginfod->end = dlsym(library, "debuginfod_end");
	return debuginfod->find && debuginfod->set_progress && debuginfod->set_user_data &&
	       get_user_data && debuginfod->begin && debuginfod->end;
}

struct pw_debuginfod *pw_debuginfod_create(void)
{
	struct pw_debuginfod *debuginfod =
		pw_debuginfod_wanted() ? calloc(1, sizeof(*debuginfod)) : NULL;

	if (!debuginfod)
		return NULL;
	if (load(debuginfod))
		debuginfod->client = debuginfod->begin();
	if (!debuginfod->client) {
		pw_debuginfod_destroy(debuginfod);
		return NULL;
	}
	debuginfod->set_user_data(debuginfod->client, debuginfod);
	debuginfod->set_progress(debuginfod->client, on_progress);
	return debuginfod;
}

void pw_debuginfod_destroy(struct pw_debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	if (debuginfod->client)
		debuginfod->end(debuginfod->client);
	/* Its TLS library does not like to be unloaded: the library stays. */
	free(debuginfod);
}

static void on_interrupt(int number)
{
	interrupted = 1;
}

char *pw_debuginfod_find(struct pw_debuginfod *debuginfod, const uint8_t *build_id, size_t length)
{
	struct sigaction before, during = {.sa_handler = on_interrupt};
	char *path = NULL;

	if (debuginfod->given_up)
		return NULL;
	interrupted = 0;
	/* The default action ends the program, as Ctrl-C should. */
	sigaction(SIGINT, NULL, &before);
	bool handled = (before.sa_flags & SA_SIGINFO) ||
		       (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN);
	if (handled)
		sigaction(SIGINT, &during, NULL);
	debuginfod->began = debuginfod->moved = now();
	debuginfod->done = 0;
	int fd = debuginfod->find(debuginfod->client, build_id, (int)length, &path);
	double took = now() - debuginfod->began;
	debuginfod->used += took;
	/* The library's own limit may have been the first. */
	debuginfod->given_up |= fd < 0 && took >= stall_limit();
	if (handled) {
		sigaction(SIGINT, &before, NULL);
		if (interrupted)
			raise(SIGINT);
	}
	if (fd < 0)
		return NULL;
	close(fd);
	return path;
}
