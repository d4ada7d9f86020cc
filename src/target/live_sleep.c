/*
 * The proof that a thread sleeps, without stopping it.
 *
 * /proc/PID/task/TID/syscall shows the stack pointer and pc of a thread that waits in a system call
 * (proc_pid_syscall(5)); the third number of schedstat counts how often it was put on a processor
 * (Documentation/scheduler/sched-stats.rst).  When both read the same before and after a copy, the
 * thread has not run meanwhile.  A kernel without schedstat counts context switches in status.
 */
#include "target/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static size_t read_file(int fd, char *text, size_t size)
{
	ssize_t got;
	do
		got = pread(fd, text, size - 1, 0);
	while (got < 0 && errno == EINTR);
	text[got > 0 ? got : 0] = 0;
	return got > 0 ? (size_t)got : 0;
}

/* What of `status` counts the switches: the rest may change while a thread sleeps. */
static size_t read_switches(int fd, char *text, size_t size)
{
	char status[4096];
	size_t length = read_file(fd, status, sizeof(status));
	const char *counts = length ? strstr(status, "voluntary_ctxt_switches:") : NULL;
	if (!counts)
		return 0;
	snprintf(text, size, "%s", counts);
	return strlen(text);
}

static size_t read_sched(const struct pw_sleep *sleep, char *text, size_t size)
{
	return sleep->status ? read_switches(sleep->sched_fd, text, size)
			     : read_file(sleep->sched_fd, text, size);
}

static int open_in(struct pw_target *target, const struct pw_lwp *lwp, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "%llu/%s", (unsigned long long)lwp->tid, name);
	return openat(pw_live_task_folder((struct pw_live *)target), path, O_RDONLY | O_CLOEXEC);
}

/* Whether schedstat counts on this kernel: "TIME WAITED RUNS". */
static bool counts_runs(const struct pw_sleep *sleep)
{
	const char *runs = sleep->status ? NULL : strrchr(sleep->sched, ' ');
	return runs && strtoull(runs, NULL, 10) > 0;
}

void pw_sleep_end(struct pw_sleep *sleep)
{
	if (sleep->syscall_fd >= 0)
		close(sleep->syscall_fd);
	if (sleep->sched_fd >= 0)
		close(sleep->sched_fd);
	sleep->syscall_fd = sleep->sched_fd = -1;
}

bool pw_live_sleep_begin(struct pw_target *target, struct pw_lwp *lwp, struct pw_sleep *ret)
{
	*ret = (struct pw_sleep){.syscall_fd = -1, .sched_fd = -1};
	ret->syscall_fd = open_in(target, lwp, "syscall");
	if (ret->syscall_fd < 0)
		return false;
	ret->sched_fd = open_in(target, lwp, "schedstat");
	if (ret->sched_fd >= 0)
		ret->sched_length = read_sched(ret, ret->sched, sizeof(ret->sched));
	if (!ret->sched_length) {
		if (ret->sched_fd >= 0)
			close(ret->sched_fd);
		ret->status = true;
		ret->sched_fd = open_in(target, lwp, "status");
		if (ret->sched_fd >= 0)
			ret->sched_length = read_sched(ret, ret->sched, sizeof(ret->sched));
	}
	ret->syscall_length = read_file(ret->syscall_fd, ret->syscall, sizeof(ret->syscall));
	if (!ret->sched_length || !ret->syscall_length ||
	    !pw_live_parse_syscall(ret->syscall, &lwp->regs)) {
		pw_sleep_end(ret);
		return false;
	}
	lwp->has_regs = false;
	return true;
}

bool pw_live_sleep_holds(struct pw_target *target, struct pw_sleep *sleep)
{
	char text[sizeof(sleep->sched)];
	if (read_sched(sleep, text, sizeof(text)) != sleep->sched_length ||
	    memcmp(text, sleep->sched, sleep->sched_length) != 0)
		return false;
	/* It slept, and has not been put on a processor since: it sleeps in the same place. */
	if (counts_runs(sleep))
		return true;
	return read_file(sleep->syscall_fd, text, sizeof(text)) == sleep->syscall_length &&
	       !memcmp(text, sleep->syscall, sleep->syscall_length);
}
