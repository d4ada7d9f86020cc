/*
 * Whether threads have run since they were looked at last: one small read each.
 *
 * schedstat counts how often a thread was put on a processor (live_sleep.c); of one that was asleep
 * then, the same text says that it still is.
 */
#include "target/live.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

void pw_pulse_end(struct pw_pulse *pulse)
{
	if (pulse->opened && pulse->fd >= 0)
		close(pulse->fd);
	*pulse = (struct pw_pulse){0};
}

static int open_pulse(struct pw_live *live, uint64_t tid)
{
	char path[64];
	snprintf(path, sizeof(path), "%llu/schedstat", (unsigned long long)tid);
	return openat(pw_live_task_folder(live), path, O_RDONLY | O_CLOEXEC);
}

/* Files stay open for as many threads as leave room for everything else. */
static bool may_keep(int fd)
{
	struct rlimit limit;
	return !getrlimit(RLIMIT_NOFILE, &limit) && (rlim_t)fd < limit.rlim_cur / 2;
}

enum pw_beat pw_live_pulse(struct pw_target *target, const struct pw_lwp *lwp,
			   struct pw_pulse *pulse)
{
	char text[sizeof(pulse->text)];
	int fd = pulse->opened ? pulse->fd : open_pulse((struct pw_live *)target, lwp->tid);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? PW_BEAT_GONE : PW_BEAT_RAN;
	ssize_t got;
	do
		got = pread(fd, text, sizeof(text), 0);
	while (got < 0 && errno == EINTR);
	int errnum = got < 0 ? errno : 0;
	bool keep = got > 0 && (pulse->opened || may_keep(fd));
	if (!keep)
		close(fd);
	pulse->opened = keep;
	pulse->fd = fd;
	if (errnum)
		return errnum == ESRCH ? PW_BEAT_GONE : PW_BEAT_RAN;
	bool same = got && (size_t)got == pulse->length && !memcmp(text, pulse->text, (size_t)got);
	memcpy(pulse->text, text, (size_t)got);
	pulse->length = (size_t)got;
	/* A kernel that does not count shows "0 0 0". */
	return same && memcmp(text, "0 0 0", 5) ? PW_BEAT_NONE : PW_BEAT_RAN;
}

uint64_t pw_live_thread_count(struct pw_target *target)
{
	struct stat stat;
	int folder = pw_live_task_folder((struct pw_live *)target);
	/* fs/proc/base.c, proc_task_getattr(): a link for each, besides "." and "..". */
	return folder >= 0 && !fstat(folder, &stat) && stat.st_nlink > 2 ? stat.st_nlink - 2 : 0;
}

bool pw_live_describe_again(struct pw_target *target, struct pw_lwp *lwp)
{
	struct pw_live *live = (struct pw_live *)target;
	struct pw_proc_stat stat;
	char dir[16];
	snprintf(dir, sizeof(dir), "%llu", (unsigned long long)lwp->tid);
	if (pw_proc_stat_at(pw_live_task_folder(live), dir, true, &stat))
		return false;
	lwp->state = pw_proc_run_state(stat.state);
	lwp->taken = PW_TAKEN_NOT;
	lwp->stopped_ns = 0;
	live->described = (struct pw_described){0};
	if (lwp->state != PW_RUN_ZOMBIE && lwp->state != PW_RUN_DEAD)
		live->described = (struct pw_described){(pid_t)lwp->tid, stat.processor,
							stat.rt_priority, pw_now()};
	return true;
}
