/* `pywalk dump`: what every thread of a process or core is doing. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name or tid that was asked for: a piece of the command line. */
struct wanted {
	const char *text;
	size_t length;
	bool found;
};

struct dump_arguments {
	struct cli_common common;
	struct wanted *wanted; /* none: all threads */
	size_t wanted_count;
};

enum { KEY_THREADS = 0x200, KEY_MAX_FRAMES };

static const struct argp_option options[] = {
	{"threads", KEY_THREADS, "LIST", OPTION_ARG_OPTIONAL,
	 "Without LIST: also threads that never ran Python.  With LIST (tids and names, separated "
	 "by commas): only these",
	 0},
	{"native", 'n', "folded|all", OPTION_ARG_OPTIONAL,
	 "Also C frames; folded (unless given otherwise) leaves out the interpreter's own, all "
	 "shows "
	 "every one",
	 0},
	{"max-frames", KEY_MAX_FRAMES, "N", 0, "At most N Python frames of each thread", 0},
	{0},
};

/* Takes the pieces of a LIST; several LISTs add up. */
static void take_threads(struct dump_arguments *arguments, const char *list,
			 const struct argp_state *state)
{
	arguments->common.capture.native_only_threads = true;
	for (const char *rest = list; rest;) {
		size_t length = strcspn(rest, ",");
		if (!length)
			argp_error(state, "--threads: empty name in \"%s\"", list);
		struct wanted *grown =
			realloc(arguments->wanted, (arguments->wanted_count + 1) * sizeof(*grown));
		if (!grown) {
			argp_failure(state, CLI_INCOMPLETE, ENOMEM, "--threads");
			return;
		}
		arguments->wanted = grown;
		grown[arguments->wanted_count++] = (struct wanted){.text = rest, .length = length};
		rest = rest[length] ? rest + length + 1 : NULL;
	}
}

static void take_max_frames(struct dump_arguments *arguments, const char *text,
			    const struct argp_state *state)
{
	errno = 0;
	unsigned long long n = strtoull(text, NULL, 10);
	if (!text[0] || text[strspn(text, "0123456789")] || errno || n == 0 || n > SIZE_MAX)
		argp_error(state, "--max-frames is a number from 1 on, not \"%s\"", text);
	arguments->common.capture.max_frames = (size_t)n;
}

static void take_native(struct dump_arguments *arguments, const char *which,
			const struct argp_state *state)
{
	enum pw_native *native = &arguments->common.capture.native;
	if (!which || strcmp(which, "folded") == 0)
		*native = PW_NATIVE_FOLDED;
	else if (strcmp(which, "all") == 0)
		*native = PW_NATIVE_ALL;
	else
		argp_error(state, "--native is folded or all, not \"%s\"", which);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct dump_arguments *arguments = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->common;
		return 0;
	case KEY_THREADS:
		take_threads(arguments, arg, state);
		return 0;
	case 'n':
		take_native(arguments, arg, state);
		return 0;
	case KEY_MAX_FRAMES:
		take_max_frames(arguments, arg, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&cli_common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID\n-p PID\nCORE [EXE]",
	.doc = "Show the Python frames of every thread, innermost first."
	       "\vExit status: 0 all was shown, 1 something could not be shown (standard error "
	       "says "
	       "what), 2 wrong use or no such target, 3 no permission.",
	.children = children,
};

static bool equals(const struct wanted *wanted, const char *text)
{
	return text && strlen(text) == wanted->length &&
	       memcmp(text, wanted->text, wanted->length) == 0;
}

static bool include(void *data, const struct pw_thread *thread)
{
	struct dump_arguments *arguments = data;
	bool result = arguments->wanted_count == 0;
	char tid[24] = "";
	if (pw_thread_tid(thread))
		snprintf(tid, sizeof(tid), "%" PRIu64, pw_thread_tid(thread));
	for (size_t i = 0; i < arguments->wanted_count; i++) {
		struct wanted *wanted = &arguments->wanted[i];
		if (equals(wanted, tid) || equals(wanted, pw_thread_name(thread)) ||
		    equals(wanted, pw_thread_kernel_name(thread))) {
			wanted->found = true;
			result = true;
		}
	}
	return result;
}

/* Names on stderr what the output lacks. */
static enum cli_exit report_missing(const struct dump_arguments *arguments,
				    const struct pw_dump *dump)
{
	enum cli_exit status = CLI_OK;
	for (size_t i = 0; i < pw_dump_problem_count(dump); i++) {
		cli_message("%s", pw_dump_problem(dump, i));
		status = CLI_INCOMPLETE;
	}
	for (size_t i = 0; i < arguments->wanted_count; i++) {
		const struct wanted *wanted = &arguments->wanted[i];
		if (wanted->found)
			continue;
		cli_message("no thread has the id or name \"%.*s\"", (int)wanted->length,
			    wanted->text);
		status = CLI_INCOMPLETE;
	}
	return status;
}

static enum cli_exit dump(struct dump_arguments *arguments)
{
	struct pw_session *session;
	struct pw_dump *dump;

	enum cli_exit status = cli_open(&arguments->common, &session);
	if (status != CLI_OK)
		return status;
	struct pw_error *error = pw_session_capture(session, &arguments->common.capture, &dump);
	if (error) {
		status = cli_report(error);
	} else {
		error = pw_dump_write_threads(
			session, dump, include, arguments, cli_format(&arguments->common),
			cli_write_flags(&arguments->common), cli_write_stdout, NULL);
		status = cli_finish_output(error);
		if (status == CLI_OK)
			status = report_missing(arguments, dump);
		pw_dump_destroy(dump);
	}
	pw_session_close(session);
	return status;
}

static int run(int argc, char **argv)
{
	struct dump_arguments arguments = {0};
	cli_common_init(&arguments.common);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	enum cli_exit status = dump(&arguments);
	free(arguments.wanted);
	return status;
}

const struct cli_command cli_dump = {
	.name = "dump",
	.summary = "show the stack of every thread of a process or core file",
	.run = run,
};
