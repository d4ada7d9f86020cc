/* Cores of gcore's making: it is GDB's, and is run only because the user asked for it by name. */
#include "cli/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t patience = 300LL * 1000000000;

char *watch_find_gcore(void)
{
	const char *path = getenv("PATH");
	for (const char *at = path ? path : ""; *at;) {
		size_t length = strcspn(at, ":");
		char *file;
		if (asprintf(&file, "%.*s/gcore", (int)length, at) < 0)
			return NULL;
		if (length && !access(file, X_OK))
			return file;
		free(file);
		at += length + (at[length] == ':');
	}
	return NULL;
}

static void become_gcore(const char *program, const char *prefix, pid_t pid, int output)
{
	char number[16];
	sigset_t none;
	snprintf(number, sizeof(number), "%d", (int)pid);
	int nothing = open("/dev/null", O_RDONLY);
	dup2(nothing, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(program, "gcore", "-o", prefix, number, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(WATCH_CANNOT_RUN);
}

/* Whether somebody wants pywalk to end: a core is large, and takes its time. */
static bool is_wanted_to_end(void)
{
	sigset_t pending;
	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1 ||
		sigismember(&pending, SIGHUP) == 1 || sigismember(&pending, SIGQUIT) == 1);
}

/* Waits for gcore, GDB included; returns why there is no core, NULL: it ended well. */
static const char *await(const struct watch *watch, pid_t pid)
{
	int status;
	int64_t end = watch_now() + patience;
	for (;;) {
		pid_t ended = waitpid(pid, &status, WNOHANG);
		if (ended == pid)
			return WIFEXITED(status) && !WEXITSTATUS(status) ? NULL : "it failed";
		bool late = watch_now() > end;
		if (late || watch->asked_to_end || is_wanted_to_end()) {
			kill(-pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return late ? "it took too long" : "a signal came";
		}
		usleep(10000);
	}
}

/* The last line of what gcore said, for a message; free() it. */
static char *last_line(int output)
{
	char text[4096];
	off_t size = lseek(output, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - ((off_t)sizeof(text) - 1) : 0;
	ssize_t got = pread(output, text, sizeof(text) - 1, from);
	if (got <= 0)
		return NULL;
	while (got && text[got - 1] == '\n')
		got--;
	text[got] = '\0';
	const char *line = strrchr(text, '\n');
	return strdup(line ? line + 1 : text);
}

void watch_core(const struct watch *watch, pid_t pid)
{
	const char *folder = watch->arguments->output_dir ? watch->arguments->output_dir : ".";
	char *program = watch_find_gcore(), *prefix, *core;
	int output = memfd_create("gcore", MFD_CLOEXEC);
	if (asprintf(&prefix, "%s/core", folder) < 0)
		prefix = NULL;
	if (asprintf(&core, "%s/core.%d", folder, (int)pid) < 0)
		core = NULL;
	if (!program || !prefix || !core || output < 0) {
		cli_message("no core of process %d: %s", (int)pid,
			    program ? strerror(errno) : "gcore is gone");
	} else {
		pid_t child = fork();
		if (child == 0)
			become_gcore(program, prefix, pid, output);
		const char *problem = child < 0 ? strerror(errno) : await(watch, child);
		if (!problem && access(core, F_OK))
			problem = "it wrote none";
		char *said = problem ? last_line(output) : NULL;
		if (problem)
			cli_message("no core of process %d: gcore: %s%s%s", (int)pid, problem,
				    said ? ": " : "", said ? said : "");
		else
			cli_message("a core of process %d is in %s", (int)pid, core);
		free(said);
	}
	if (output >= 0)
		close(output);
	free(program);
	free(prefix);
	free(core);
}
