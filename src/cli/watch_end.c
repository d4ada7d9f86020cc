/* Waiting for a command, passing signals on, and ending its tree; see watch.h. */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int64_t second = 1000000000;

double watch_elapsed(const struct watch *watch)
{
	return (double)(watch_now() - watch->start) / 1e9;
}

/* ---- what happens meanwhile ---- */

/* The time for which somebody has stopped both of us does not count. */
static void resume_clock(struct watch *watch, int64_t now)
{
	if (watch->stopped_at)
		watch->start += now - watch->stopped_at;
	watch->stopped_at = 0;
}

static void take_event(struct watch *watch)
{
	struct watch_event event;
	ssize_t got = read(watch->events, &event, sizeof(event));
	if (got < 0 && errno == EINTR)
		return;
	if (got != sizeof(event)) {
		/* Somebody killed the keeper: what it kept is no longer found. */
		cli_message("the process that waits for the command was killed");
		kill(watch->terminal ? watch->command : -watch->command, SIGKILL);
		watch->ended = true;
		watch->status = -1;
	} else if (WIFSTOPPED(event.status)) {
		watch->stopped_at = event.time;
	} else if (WIFCONTINUED(event.status)) {
		if (watch->terminal)
			resume_clock(watch, event.time);
		watch->stopped_at = 0;
	} else {
		watch->ended = true;
		watch->status = event.status;
	}
}

static void take_signal(struct watch *watch)
{
	struct signalfd_siginfo info;
	if (read(watch->signals, &info, sizeof(info)) != sizeof(info))
		return;
	int number = (int)info.ssi_signo;
	watch->asked_to_end |=
		number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
	if (number == SIGCONT)
		resume_clock(watch, watch_now());
	if (watch->terminal) {
		/* What a terminal sends, it sends to the command as well. */
		if (info.ssi_code == SI_KERNEL)
			watch->typed = number;
		else if (number != SIGCONT && !watch->ended)
			kill(watch->command, number);
		return;
	}
	kill(-watch->command, number);
	if (number == SIGTSTP)
		raise(SIGSTOP);
}

bool watch_wait(struct watch *watch, int64_t nanoseconds)
{
	struct pollfd fds[] = {{.fd = watch->ended ? -1 : watch->events, .events = POLLIN},
			       {.fd = watch->signals, .events = POLLIN}};
	if (nanoseconds < 0)
		nanoseconds = 0;
	struct timespec limit = {.tv_sec = nanoseconds / second, .tv_nsec = nanoseconds % second};
	if (ppoll(fds, 2, &limit, NULL) <= 0)
		return false;
	/* In this order: the event says since when the command was stopped, the signal that it goes
	 * on. */
	if (fds[0].revents)
		take_event(watch);
	if (fds[1].revents)
		take_signal(watch);
	return true;
}

/* ---- the tree ---- */

struct pw_process *watch_processes(const struct watch *watch, size_t *ret_count)
{
	struct pw_process *processes = NULL;
	size_t count = 0, kept = 0;
	struct pw_error *error = pw_process_descendants(watch->keeper, &processes, &count);
	if (error)
		cli_report(error);
	for (size_t i = 0; i < count; i++)
		if (processes[i].state != 'Z' && processes[i].state != 'X')
			processes[kept++] = processes[i];
	*ret_count = kept;
	return processes;
}

size_t watch_signal(const struct watch *watch, int number)
{
	size_t count;
	struct pw_process *processes = watch_processes(watch, &count);
	for (size_t i = 0; i < count; i++) {
		kill(processes[i].pid, number);
		/* Else it would not see the signal before somebody else continues it. */
		if (processes[i].state == 'T')
			kill(processes[i].pid, SIGCONT);
	}
	free(processes);
	return count;
}

static size_t count_processes(const struct watch *watch)
{
	size_t count;
	free(watch_processes(watch, &count));
	return count;
}

/* Until all have ended; false: some have not. */
static bool wait_for_end(struct watch *watch, int64_t nanoseconds, int again)
{
	int64_t end = watch_now() + nanoseconds, pause = second / 200;
	while (again ? watch_signal(watch, again) : count_processes(watch)) {
		if (watch_now() >= end || watch->status == -1)
			return false;
		watch_wait(watch, pause);
		if (pause < second / 10)
			pause += pause / 2;
	}
	return true;
}

static void name_left(const struct watch *watch)
{
	size_t count;
	struct pw_process *processes = watch_processes(watch, &count);
	for (size_t i = 0; i < count; i++)
		cli_message("process %d (%s) cannot be ended", (int)processes[i].pid,
			    processes[i].name);
	free(processes);
}

void watch_end(struct watch *watch)
{
	const struct watch_arguments *arguments = watch->arguments;
	const char *name = sigabbrev_np(arguments->signal);
	/* Once: what a process starts in order to put things in order is to be left alone. */
	watch_signal(watch, arguments->signal);
	if (wait_for_end(watch, arguments->kill_after, 0))
		return;
	size_t count = count_processes(watch);
	if (count && arguments->signal != SIGKILL)
		cli_message("%zu process%s did not end within %.1f s of SIG%s: killed", count,
			    count == 1 ? "" : "es", (double)arguments->kill_after / 1e9,
			    name ? name : "?");
	if (!wait_for_end(watch, 10 * second, SIGKILL))
		name_left(watch);
}
