/* Starting a command below a keeper; see watch.h. */
#include "cli/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As they were before anything was changed: the command is to have them. */
struct before {
	sigset_t mask;
	struct sigaction child;
};

int64_t watch_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the command ---- */

static void restore(const struct before *before)
{
	cli_restore_inherited();
	sigaction(SIGCHLD, &before->child, NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static void run_command(const struct watch *watch, const struct before *before, int failure)
{
	if (!watch->terminal)
		setpgid(0, 0);
	restore(before);
	execvp(watch->arguments->command[0], watch->arguments->command);
	int errnum = errno;
	ssize_t written = write(failure, &errnum, sizeof(errnum));
	_exit(written == sizeof(errnum) ? WATCH_CANNOT_RUN : WATCH_FAILED);
}

/* Returns the process, or -1 with *ret_errno. */
static pid_t start_command(const struct watch *watch, const struct before *before, int *ret_errno)
{
	int failure[2];
	if (pipe2(failure, O_CLOEXEC)) {
		*ret_errno = errno;
		return -1;
	}
	pid_t pid = fork();
	*ret_errno = errno;
	if (pid == 0)
		run_command(watch, before, failure[1]);
	close(failure[1]);
	/* Closed by a successful exec. */
	if (pid > 0 && read(failure[0], ret_errno, sizeof(*ret_errno)) > 0) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(failure[0]);
	return pid;
}

/* ---- the keeper ---- */

static void tell(int to, pid_t pid, int status)
{
	struct watch_event event = {.time = watch_now(), .pid = pid, .status = status};
	/* When nobody reads it, SIGTERM tells why. */
	if (write(to, &event, sizeof(event)) < 0)
		return;
}

static void reap(pid_t command, int to)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0;)
		if (pid == command)
			tell(to, pid, status);
}

/* pywalk was killed: nobody is left who would end the tree in time. */
static void end_tree(pid_t command, int to)
{
	for (;;) {
		struct pw_process *processes = NULL;
		size_t count = 0;
		pw_error_destroy(pw_process_descendants(getpid(), &processes, &count));
		for (size_t i = 0; i < count; i++)
			kill(processes[i].pid, SIGKILL);
		free(processes);
		reap(command, to);
		if (!count)
			return;
		usleep(10000);
	}
}

/* Holds nothing open that a reader or writer of the command's pipes might wait for. */
static int let_go(int events)
{
	int nothing = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(nothing, fd);
	enum { EVENTS = STDERR_FILENO + 1 };
	if (events != EVENTS)
		dup2(events, EVENTS);
	close_range(EVENTS + 1, ~0U, 0);
	return EVENTS;
}

static void keep(const struct watch *watch, const struct before *before, pid_t watcher, int events)
{
	sigset_t awaited;
	int errnum;
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGTERM);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	pid_t command = start_command(watch, before, &errnum);
	/* Only now: the command is to be in pywalk's, where there is a terminal. */
	setpgid(0, 0);
	events = let_go(events);
	tell(events, command < 0 ? 0 : command, command < 0 ? errnum : 0);
	while (command > 0) {
		reap(command, events);
		if (getppid() != watcher) {
			end_tree(command, events);
			break;
		}
		sigwaitinfo(&awaited, NULL);
	}
	_exit(0);
}

/* ---- pywalk ---- */

/* The signals that are passed on.  What is ignored stays so, for the command as well. */
static void choose_signals(const struct watch *watch, sigset_t *ret)
{
	static const int forwarded[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,
					SIGUSR1, SIGUSR2, SIGALRM};
	sigemptyset(ret);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++) {
		struct sigaction action;
		sigaction(forwarded[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(ret, forwarded[i]);
	}
	sigaddset(ret, SIGCONT);
	/* A terminal stops us and the command at once. */
	if (!watch->terminal)
		sigaddset(ret, SIGTSTP);
}

static int refuse(const char *what, int errnum)
{
	cli_message("%s: %s", what, strerror(errnum));
	return WATCH_FAILED;
}

/* The command's end of input, and of the reader of its output, are to be seen by those at the other
 * ends. */
static void let_go_of_streams(const struct watch *watch)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(nothing, STDIN_FILENO);
	if (!watch_annotates(watch->arguments->ci))
		dup2(nothing, STDOUT_FILENO);
	close(nothing);
}

static int take_first_event(struct watch *watch)
{
	struct watch_event event;
	const char *name = watch->arguments->command[0];
	if (read(watch->events, &event, sizeof(event)) != sizeof(event)) {
		cli_message("the process that was to start %s has ended", name);
		return WATCH_FAILED;
	}
	if (!event.pid) {
		cli_message("cannot run %s: %s", name, strerror(event.status));
		return event.status == ENOENT ? WATCH_NOT_FOUND : WATCH_CANNOT_RUN;
	}
	watch->command = event.pid;
	return 0;
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int watch_start(struct watch *watch)
{
	int events[2];
	struct before before;
	sigset_t all, forwarded;

	if (pipe2(events, O_CLOEXEC))
		return refuse("pipe", errno);
	watch->terminal = has_terminal();
	choose_signals(watch, &forwarded);
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, &before.child);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before.mask);
	pid_t self = getpid();
	watch->start = watch_now();
	watch->keeper = fork();
	int errnum = errno;
	if (watch->keeper == 0)
		keep(watch, &before, self, events[1]);
	close(events[1]);
	if (watch->keeper < 0)
		return refuse("fork", errnum);
	watch->events = events[0];
	watch->signals = signalfd(-1, &forwarded, SFD_CLOEXEC | SFD_NONBLOCK);
	errnum = errno;
	sigset_t mask = before.mask;
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&forwarded, i) == 1)
			sigaddset(&mask, i);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	int status = take_first_event(watch);
	if (!status && watch->signals < 0) {
		watch_signal(watch, SIGKILL);
		status = refuse("signalfd", errnum);
	}
	if (status)
		watch_finish(watch);
	else
		let_go_of_streams(watch);
	return status;
}

void watch_finish(struct watch *watch)
{
	kill(watch->keeper, SIGKILL);
	waitpid(watch->keeper, NULL, 0);
	close(watch->events);
	if (watch->signals >= 0)
		close(watch->signals);
}
