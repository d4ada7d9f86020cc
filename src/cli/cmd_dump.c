/* `pywalk dump`: what every thread of a process or core is doing. */
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	bool subprocesses;
};

enum { KEY_THREADS = 0x200, KEY_MAX_FRAMES };

static const struct argp_option options[] = {
	{"subprocesses", 's', NULL, 0,
	 "Also the processes that each process has started, and theirs", 0},
	{"threads", KEY_THREADS, "LIST", OPTION_ARG_OPTIONAL,
	 "Without LIST: also threads that never ran Python.  With LIST (tids and names, separated "
	 "by commas): only these",
	 0},
	{"native", 'n', "folded|all", OPTION_ARG_OPTIONAL,
	 "Also C frames; folded (unless given otherwise) leaves out the interpreter's own, all "
	 "shows "
	 "every one",
	 0},
	{"locals", 'l', "N", OPTION_ARG_OPTIONAL,
	 "Also the variables of each Python frame; N: at most about N characters of each value", 0},
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
		cli_take_native(&arguments->common.capture, arg, state);
		return 0;
	case 's':
		arguments->subprocesses = true;
		return 0;
	case 'l':
		cli_take_locals(&arguments->common.capture, arg, state);
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
	.args_doc = "PID|CORE...",
	.doc = "Show the Python frames of every thread of processes and core files, innermost "
	       "first."
	       "\vExit status: 0 all was shown, 1 something could not be shown (standard error "
	       "says what), 2 wrong use or no such target, 3 no permission; of several targets "
	       "the greatest.",
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

/* ---- one target after the other ---- */

struct dump_run {
	struct dump_arguments *arguments;
	struct pw_dump_list *list; /* NULL: a single target, written as it is */
	pid_t *seen;
	size_t seen_count;
	size_t shown;
	enum cli_exit status;
	struct pw_error *error; /* of the output: there is no use in going on */
};

/* A failed target, that the program which reads the output may know of as well. */
static void list_failure(struct dump_run *run, const struct cli_target *target, const char *message)
{
	if (run->list && !run->error)
		run->error = pw_dump_list_fail(run->list, target->text, message);
}

static void write_dump(struct dump_run *run, const struct pw_session *session,
		       const struct pw_dump *dump, bool descendant)
{
	struct dump_arguments *arguments = run->arguments;
	if (run->list)
		run->error = pw_dump_list_add(run->list, session, dump, include, arguments,
					      descendant ? PW_WRITE_PARENT : 0);
	else
		run->error = pw_dump_write_threads(
			session, dump, include, arguments, cli_format(&arguments->common),
			cli_write_flags(&arguments->common), cli_output_write, NULL);
	run->shown++;
	if (run->error || !cli_output_good())
		return;
	for (size_t i = 0; i < pw_dump_problem_count(dump); i++) {
		cli_message("%s", pw_dump_problem(dump, i));
		run->status = cli_worse(run->status, CLI_INCOMPLETE);
	}
}

/* Takes the error over. */
static void report(struct dump_run *run, const struct cli_target *target, bool descendant,
		   struct pw_error *error)
{
	enum pw_error_code code = pw_error_code(error);
	if (run->arguments->subprocesses && target->is_pid && code == PW_ERROR_NOT_PYTHON) {
		cli_message("skipped: %s", pw_error_message(error));
		pw_error_destroy(error);
	} else if (descendant && code == PW_ERROR_NO_TARGET) {
		pw_error_destroy(error); /* it has ended since it was found */
	} else {
		list_failure(run, target, pw_error_message(error));
		run->status = cli_worse(run->status,
					cli_report_open(&run->arguments->common, target, error));
	}
}

static void dump_target(struct dump_run *run, const struct cli_target *target, bool descendant)
{
	struct pw_session *session;
	struct pw_dump *dump = NULL;

	const char *problem = cli_target_problem(target);
	if (problem) {
		cli_message("process %s: %s", target->text, problem);
		list_failure(run, target, problem);
		run->status = cli_worse(run->status, CLI_USAGE);
		return;
	}
	struct pw_error *error =
		cli_capture(&run->arguments->common, target, descendant, &session, &dump);
	if (error) {
		report(run, target, descendant, error);
		return;
	}
	write_dump(run, session, dump, descendant);
	/* Of the only target, the kernel takes all back at once; leaks are looked for elsewhere. */
#ifndef __SANITIZE_ADDRESS__
	if (!run->list)
		return;
#endif
	pw_dump_destroy(dump);
	pw_session_close(session);
}

/* Whether a process is to be shown now; remembers it. */
static bool is_new(struct dump_run *run, pid_t pid)
{
	for (size_t i = 0; i < run->seen_count; i++)
		if (run->seen[i] == pid)
			return false;
	pid_t *seen = reallocarray(run->seen, run->seen_count + 1, sizeof(*seen));
	if (seen) {
		run->seen = seen;
		seen[run->seen_count++] = pid;
	}
	return true;
}

static void dump_descendants(struct dump_run *run, const struct pw_process *processes, size_t count)
{
	for (size_t i = 0; i < count && !run->error && cli_output_good(); i++) {
		char text[16];
		struct cli_target target = {.text = text, .is_pid = true, .pid = processes[i].pid};
		/* A target may well have started us. */
		if (target.pid == getpid() || !is_new(run, target.pid))
			continue;
		snprintf(text, sizeof(text), "%d", (int)target.pid);
		cli_subject(text);
		dump_target(run, &target, true);
	}
}

/* The list comes before anything is read: a process that ends meanwhile leaves its children to
 * another. */
static struct pw_process *find_descendants(struct dump_run *run, const struct cli_target *target,
					   size_t *ret_count)
{
	struct pw_process *processes = NULL;
	*ret_count = 0;
	if (!run->arguments->subprocesses || !target->pid)
		return NULL;
	struct pw_error *error = pw_process_descendants(target->pid, &processes, ret_count);
	if (error && pw_error_code(error) != PW_ERROR_NO_TARGET) /* else opening it says so */
		run->status = cli_worse(run->status, cli_report(error));
	else
		pw_error_destroy(error);
	return processes;
}

static void dump_named(struct dump_run *run, const struct cli_target *target)
{
	size_t count;
	if (target->pid && !is_new(run, target->pid))
		return;
	cli_subject(run->list ? target->text : NULL);
	struct pw_process *processes = find_descendants(run, target, &count);
	dump_target(run, target, false);
	dump_descendants(run, processes, count);
	cli_subject(NULL);
	free(processes);
}

/* What none of the targets had. */
static void report_nothing(struct dump_run *run)
{
	const struct dump_arguments *arguments = run->arguments;
	if (!run->shown && run->status == CLI_OK) {
		cli_message("there is no Python among these processes and their descendants");
		run->status = CLI_USAGE;
	}
	for (size_t i = 0; run->shown && i < arguments->wanted_count; i++) {
		const struct wanted *wanted = &arguments->wanted[i];
		if (wanted->found)
			continue;
		cli_message("no thread has the id or name \"%.*s\"", (int)wanted->length,
			    wanted->text);
		run->status = cli_worse(run->status, CLI_INCOMPLETE);
	}
}

static enum cli_exit dump(struct dump_arguments *arguments)
{
	const struct cli_common *common = &arguments->common;
	struct dump_run run = {.arguments = arguments};
	run.status = cli_output_open(common);
	if (run.status != CLI_OK)
		return run.status;

	if (arguments->subprocesses || common->targets.count > 1)
		run.error = pw_dump_list_begin(cli_format(common), cli_write_flags(common),
					       cli_output_write, NULL, &run.list);
	for (size_t i = 0; i < common->targets.count && !run.error && cli_output_good(); i++)
		dump_named(&run, &common->targets.items[i]);
	struct pw_error *error = pw_dump_list_end(run.list);
	if (run.error)
		pw_error_destroy(error);
	else
		run.error = error;
	if (!run.error && cli_output_good())
		report_nothing(&run);
	free(run.seen);
	return cli_worse(run.status, cli_output_close(run.shown, run.error));
}

static int run(int argc, char **argv)
{
	struct dump_arguments arguments = {0};
	cli_common_init(&arguments.common);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	enum cli_exit status = dump(&arguments);
	free(arguments.wanted);
	cli_common_deinit(&arguments.common);
	return status;
}

const struct cli_command cli_dump = {
	.name = "dump",
	.summary = "show the stack of every thread of a process or core file",
	.run = run,
};
