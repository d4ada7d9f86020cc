/* Where the output goes: stdout, a URL, or a file that is there only when it is complete. */
#include "cli/push.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One a process, because a signal has to find the file. */
static struct {
	FILE *stream;
	const char *name;  /* for messages */
	char *destination; /* of a file, symbolic links followed; NULL: stdout */
	char *temporary;
	const struct cli_push *push; /* of a URL; NULL: it is none */
	char *body;		     /* what is to be sent */
	size_t body_length;
	int errnum; /* of the first write that failed */
} output;

/* What a signal has to remove. */
static char *volatile unfinished;

static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGXCPU, SIGXFSZ};

static void remove_unfinished(int number)
{
	if (unfinished)
		unlink(unfinished);
	/* SA_RESETHAND: this ends the program as if nobody had caught it. */
	raise(number);
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = remove_unfinished,
					 .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
	cli_catch(&action, deadly, sizeof(deadly) / sizeof(deadly[0]));
}

static enum cli_exit refuse(const char *why)
{
	cli_message("cannot write to %s: %s", output.name, why);
	return CLI_USAGE;
}

/* A file that a target is read from, as a slip of the fingers may name it. */
static bool is_target(const struct cli_common *common, const struct stat *st)
{
	for (size_t i = 0; i < common->targets.count; i++) {
		const struct cli_target *target = &common->targets.items[i];
		struct stat other;
		if (!target->is_pid && !stat(target->text, &other) && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return true;
	}
	return false;
}

/* Finds out what would be written, and what permissions it has or is to have. */
static enum cli_exit find_destination(const struct cli_common *common, mode_t *ret_mode)
{
	struct stat st;
	if (!output.name[0])
		return refuse("the name is empty");
	if (stat(output.name, &st)) {
		if (errno != ENOENT)
			return refuse(strerror(errno));
		if (!lstat(output.name, &st))
			return refuse("it is a symbolic link to nothing");
		mode_t mask = umask(0);
		umask(mask);
		*ret_mode = 0666 & ~mask;
		output.destination = strdup(output.name);
	} else {
		if (S_ISDIR(st.st_mode))
			return refuse("it is a folder");
		if (!S_ISREG(st.st_mode))
			return refuse("it is no regular file; for a pipe or device use the shell's "
				      "redirection");
		if (is_target(common, &st))
			return refuse("it is the file that is to be read");
		if (access(output.name, W_OK))
			return refuse(strerror(errno));
		*ret_mode = st.st_mode & 0777;
		output.destination = realpath(output.name, NULL);
	}
	return output.destination ? CLI_OK : refuse(strerror(errno));
}

static enum cli_exit make_temporary(mode_t mode)
{
	sigset_t all, before;
	if (asprintf(&output.temporary, "%s.XXXXXX", output.destination) < 0)
		return refuse(strerror(ENOMEM));
	catch_signals();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int fd = mkostemp(output.temporary, O_CLOEXEC);
	int errnum = errno;
	if (fd >= 0)
		unfinished = output.temporary;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (fd < 0)
		return refuse(strerror(errnum));
	output.stream = fchmod(fd, mode) ? NULL : fdopen(fd, "w");
	if (output.stream)
		return CLI_OK;
	errnum = errno;
	close(fd);
	unlink(output.temporary);
	return refuse(strerror(errnum));
}

/* What is to be sent is gathered first. */
static enum cli_exit open_url(const struct cli_push *push)
{
	enum cli_exit status = cli_push_check();
	if (status != CLI_OK)
		return status;
	output.stream = open_memstream(&output.body, &output.body_length);
	if (!output.stream)
		return refuse(strerror(errno));
	output.push = push;
	return CLI_OK;
}

static enum cli_exit send_url(bool keep)
{
	enum cli_exit status = CLI_OK;
	if (fclose(output.stream) && !output.errnum)
		output.errnum = errno;
	if (keep && !output.errnum)
		status = cli_push_send(output.push, output.name, output.body, output.body_length);
	return status;
}

static void release(void)
{
	free(output.body);
	output.body = NULL;
	output.push = NULL;
	unfinished = NULL;
	free(output.destination);
	free(output.temporary);
	output.destination = output.temporary = NULL;
	output.stream = NULL;
}

enum cli_exit cli_output_open(const struct cli_common *common)
{
	mode_t mode;
	output.name = common->output;
	if (!output.name || strcmp(output.name, "-") == 0) {
		output.name = "standard output";
		output.stream = stdout;
		return CLI_OK;
	}
	if (common->push && cli_is_url(output.name))
		return open_url(common->push);
	enum cli_exit status = find_destination(common, &mode);
	if (status == CLI_OK)
		status = make_temporary(mode);
	if (status != CLI_OK)
		release();
	return status;
}

bool cli_output_write(void *data, const char *piece, size_t length)
{
	if (fwrite(piece, 1, length, output.stream) == length)
		return true;
	if (!output.errnum)
		output.errnum = errno;
	return false;
}

bool cli_output_good(void)
{
	if (fflush(output.stream) && !output.errnum)
		output.errnum = errno;
	return !output.errnum;
}

/* Gives the file its name, or takes it away. */
static void settle(bool keep)
{
	if (fclose(output.stream) && !output.errnum)
		output.errnum = errno;
	if (keep && !output.errnum && rename(output.temporary, output.destination))
		output.errnum = errno;
	if (!keep || output.errnum)
		unlink(output.temporary);
}

enum cli_exit cli_output_close(bool keep, struct pw_error *error)
{
	enum cli_exit sent = CLI_OK;
	cli_output_good();
	if (output.destination)
		settle(keep && !error);
	else if (output.push)
		sent = send_url(keep && !error);
	release();
	if (!output.errnum)
		return error ? cli_report(error) : sent;
	pw_error_destroy(error);
	if (output.errnum != EPIPE)
		cli_message("writing to %s: %s", output.name, strerror(output.errnum));
	return CLI_INCOMPLETE;
}

void cli_output_raise(void)
{
	if (output.errnum != EPIPE)
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}
