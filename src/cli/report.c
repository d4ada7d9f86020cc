/* Messages on stderr, and the exit status that an error comes to. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *subject;

void cli_subject(const char *text)
{
	subject = text;
}

static void (*listener)(const char *message);

void cli_listen(void (*hear)(const char *message))
{
	listener = hear;
}

void cli_message(const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, format);
	int length = vasprintf(&text, format, ap);
	va_end(ap);
	char *printable = length < 0 ? NULL : pw_printable(text);
	char *about = subject ? pw_printable(subject) : NULL;
	if (listener)
		listener(printable ? printable : "out of memory");
	else
		fprintf(stderr, "pywalk: %s%s%s\n", about ? about : "", about ? ": " : "",
			printable ? printable : "out of memory");
	free(printable);
	free(about);
	if (length >= 0)
		free(text);
}

void cli_hint(const char *text)
{
	fprintf(stderr, "hint: %s\n", text);
}

enum cli_exit cli_exit_status(enum pw_error_code code)
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
	enum cli_exit status = cli_exit_status(pw_error_code(error));
	cli_message("%s", pw_error_message(error));
	if (strstr(pw_error_message(error), "already traced"))
		cli_hint("pywalk dump --no-stop reads a process that a debugger holds, without "
			 "stopping it");
	pw_error_destroy(error);
	return status;
}
