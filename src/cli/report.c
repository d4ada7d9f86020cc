/* Messages on stderr and text on stdout: how failures of either become an exit status. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* errno of the first write to stdout that failed. */
static int stdout_errno;

void cli_message(const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int length = vasprintf(&text, format, ap);
	va_end(ap);
	char *printable = length < 0 ? NULL : pw_printable(text);
	fprintf(stderr, "pywalk: %s\n", printable ? printable : "out of memory");
	free(printable);
	if (length >= 0)
		free(text);
}

void cli_hint(const char *text)
{
	fprintf(stderr, "hint: %s\n", text);
}

static enum cli_exit exit_status(enum pw_error_code code)
{
	switch (code) {
	case PW_ERROR_USAGE:
	case PW_ERROR_NO_TARGET:
	case PW_ERROR_NOT_PYTHON:
	case PW_ERROR_FORMAT:
		return CLI_USAGE;
	case PW_ERROR_PERMISSION:
		return CLI_PERMISSION;
	default:
		return CLI_INCOMPLETE;
	}
}

enum cli_exit cli_report(struct pw_error *error)
{
	enum cli_exit status = exit_status(pw_error_code(error));
	cli_message("%s", pw_error_message(error));
	if (strstr(pw_error_message(error), "already traced"))
		cli_hint("pywalk dump --no-stop reads a process that a debugger holds, without "
			 "stopping it");
	pw_error_destroy(error);
	return status;
}

bool cli_write_stdout(void *data, const char *piece, size_t length)
{
	if (fwrite(piece, 1, length, stdout) == length)
		return true;
	if (!stdout_errno)
		stdout_errno = errno;
	return false;
}

enum cli_exit cli_finish_output(struct pw_error *error)
{
	if (fflush(stdout) != 0 && !stdout_errno)
		stdout_errno = errno;
	if (stdout_errno) {
		pw_error_destroy(error);
		if (stdout_errno != EPIPE)
			cli_message("writing to standard output: %s", strerror(stdout_errno));
		return CLI_INCOMPLETE;
	}
	return error ? cli_report(error) : CLI_OK;
}
