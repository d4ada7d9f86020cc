/* Which samples of a recording, and which table of them: options of several commands. */
#include "cli/profiles.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	KEY_THREAD = 0x200,
	KEY_PROCESS,
	KEY_RUNNING,
	KEY_GIL,
	KEY_PYTHON,
	KEY_NATIVE,
	KEY_INCLUDE,
	KEY_EXCLUDE,
	KEY_FROM,
	KEY_TO,
	KEY_FOLD,
	KEY_TABLE,
	KEY_BY,
	KEY_FUNCTION,
	KEY_LIMIT,
	KEY_THRESHOLD,
};

enum { DEFAULT_LIMIT = 30 };

static void *more_room(void *items, size_t size)
{
	void *grown = realloc(items, size);
	if (grown)
		return grown;
	cli_message("out of memory");
	exit(CLI_INCOMPLETE);
}

void cli_texts_add(struct cli_texts *texts, const char *text)
{
	texts->items = more_room(texts->items, (texts->count + 1) * sizeof(*texts->items));
	texts->items[texts->count++] = text;
}

/* ---- numbers ---- */

static bool take_decimal(const char *text, double largest, double *ret)
{
	char *end;
	errno = 0;
	*ret = strtod(text, &end);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && isfinite(*ret) &&
	       *ret <= largest;
}

static uint64_t take_seconds(const char *option, const char *text, const struct argp_state *state)
{
	double seconds;
	if (!take_decimal(text, 1e9, &seconds))
		argp_error(state, "%s is a number of seconds, not \"%s\"", option, text);
	return (uint64_t)(seconds * 1e9 + 0.5);
}

static void take_process(struct cli_choice *choice, const char *text,
			 const struct argp_state *state)
{
	char *end;
	errno = 0;
	long long pid = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		argp_error(state, "--process is the id of a process, not \"%s\"", text);
	choice->processes = more_room(choice->processes,
				      (choice->process_count + 1) * sizeof(*choice->processes));
	choice->processes[choice->process_count++] = pid;
}

/* ---- which samples ---- */

static const struct argp_option choice_options[] = {
	{0, 0, NULL, 0, "Which samples:", 2},
	{"thread", KEY_THREAD, "NAME|TID", 0, "Only of this thread; may be given several times", 0},
	{"process", KEY_PROCESS, "PID", 0, "Only of this process; may be given several times", 0},
	{"running", KEY_RUNNING, NULL, 0, "Only while the thread was running", 0},
	{"gil", KEY_GIL, NULL, 0, "Only while the thread held the GIL", 0},
	{"include", KEY_INCLUDE, "REGEX", 0,
	 "Only with a function whose name this is found in; of several, any", 0},
	{"exclude", KEY_EXCLUDE, "REGEX", 0, "None with a function whose name this is found in", 0},
	{"from", KEY_FROM, "SECONDS", 0, "None before so many seconds", 0},
	{"to", KEY_TO, "SECONDS", 0, "None from so many seconds on", 0},
	{0, 0, NULL, 0, "Which frames and names:", 3},
	{"python", KEY_PYTHON, NULL, 0, "Only Python frames", 0},
	{"native", KEY_NATIVE, NULL, 0, "Only C frames", 0},
	{"fold", KEY_FOLD, "s/REGEX/NAME/", 0,
	 "Replace in names of functions as sed -E does (flags g and i); those that become equal "
	 "are one function.  Several are applied one after the other, before --include and "
	 "--exclude",
	 0},
	{0},
};

static error_t parse_choice(int key, char *arg, struct argp_state *state)
{
	struct cli_choice *choice = state->input;
	bool before = choice->any;
	choice->any = true;
	switch (key) {
	case KEY_THREAD:
		cli_texts_add(&choice->threads, arg);
		return 0;
	case KEY_PROCESS:
		take_process(choice, arg, state);
		return 0;
	case KEY_RUNNING:
		choice->running = true;
		return 0;
	case KEY_GIL:
		choice->gil = true;
		return 0;
	case KEY_PYTHON:
		choice->python = true;
		return 0;
	case KEY_NATIVE:
		choice->native = true;
		return 0;
	case KEY_INCLUDE:
		cli_texts_add(&choice->include, arg);
		return 0;
	case KEY_EXCLUDE:
		cli_texts_add(&choice->exclude, arg);
		return 0;
	case KEY_FOLD:
		cli_texts_add(&choice->fold, arg);
		return 0;
	case KEY_FROM:
		choice->from = take_seconds("--from", arg, state);
		return 0;
	case KEY_TO:
		choice->to = take_seconds("--to", arg, state);
		if (!choice->to)
			argp_error(state, "--to=%s leaves no sample", arg);
		return 0;
	case ARGP_KEY_END:
		choice->any = before;
		if (choice->python && choice->native)
			argp_error(state, "--python and --native leave no frame: one of them");
		if (choice->to && choice->to <= choice->from)
			argp_error(state, "--to is not after --from");
		return 0;
	default:
		choice->any = before;
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cli_choice_argp = {.options = choice_options, .parser = parse_choice};

void cli_choice_deinit(struct cli_choice *choice)
{
	free(choice->threads.items);
	free(choice->include.items);
	free(choice->exclude.items);
	free(choice->fold.items);
	free(choice->processes);
}

static struct pw_texts as_texts(const struct cli_texts *texts)
{
	return (struct pw_texts){texts->items, texts->count};
}

struct pw_error *cli_choose(const struct cli_choice *choice, struct pw_profile **profile)
{
	struct pw_profile *chosen;
	const struct pw_profile_filter filter = {
		.size = sizeof(filter),
		.threads = as_texts(&choice->threads),
		.processes = choice->processes,
		.process_count = choice->process_count,
		.include = as_texts(&choice->include),
		.exclude = as_texts(&choice->exclude),
		.fold = as_texts(&choice->fold),
		.from = choice->from,
		.to = choice->to,
		.running = choice->running,
		.gil = choice->gil,
		.python = choice->python,
		.native = choice->native,
	};
	if (!choice->any)
		return NULL;
	struct pw_error *error = pw_profile_filter(*profile, &filter, &chosen);
	if (error)
		return error;
	pw_profile_destroy(*profile);
	*profile = chosen;
	return NULL;
}

/* ---- which table ---- */

static const struct argp_option table_options[] = {
	{0, 0, NULL, 0, "Tables:", 1},
	{"table", KEY_TABLE, "TABLE", 0,
	 "flat (by what functions took themselves, the default), cumulative (with what they "
	 "called), callers, callees or tree",
	 0},
	{"by", KEY_BY, "WHAT", 0,
	 "What a row is: function (the default), line, file, module, thread or process", 0},
	{"function", KEY_FUNCTION, "REGEX", 0, "Only rows in whose name this is found", 0},
	{"limit", KEY_LIMIT, "N", 0, "So many rows, the largest (30); 0: all", 0},
	{"threshold", KEY_THRESHOLD, "PERCENT", 0, "No rows smaller than that", 0},
	{"json", 'j', NULL, 0, "Print JSON instead of text", 0},
	{0},
};

void cli_tables_init(struct cli_tables *tables)
{
	*tables = (struct cli_tables){
		.options = {.size = sizeof(tables->options), .limit = DEFAULT_LIMIT}};
}

static void take_table(struct cli_tables *tables, const char *text, const struct argp_state *state)
{
	const char *name;
	for (int i = 0; (name = pw_report_table_name((enum pw_report_table)i)); i++) {
		if (strcmp(name, text) != 0)
			continue;
		tables->options.table = (enum pw_report_table)i;
		return;
	}
	argp_error(state, "--table is flat, cumulative, callers, callees or tree, not \"%s\"",
		   text);
}

static void take_by(struct cli_tables *tables, const char *text, const struct argp_state *state)
{
	const char *name;
	for (int i = 0; (name = pw_report_by_name((enum pw_report_by)i)); i++) {
		if (strcmp(name, text) != 0)
			continue;
		tables->options.by = (enum pw_report_by)i;
		return;
	}
	argp_error(state, "--by is function, line, file, module, thread or process, not \"%s\"",
		   text);
}

static void take_limit(struct cli_tables *tables, const char *text, const struct argp_state *state)
{
	char *end;
	errno = 0;
	unsigned long long limit = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		argp_error(state, "--limit is a number of rows, not \"%s\"", text);
	tables->options.limit = limit;
}

static error_t parse_tables(int key, char *arg, struct argp_state *state)
{
	struct cli_tables *tables = state->input;
	switch (key) {
	case KEY_TABLE:
		take_table(tables, arg, state);
		break;
	case KEY_BY:
		take_by(tables, arg, state);
		break;
	case KEY_FUNCTION:
		tables->options.function = arg;
		break;
	case KEY_LIMIT:
		take_limit(tables, arg, state);
		break;
	case KEY_THRESHOLD:
		if (!take_decimal(arg, 100, &tables->options.threshold))
			argp_error(state, "--threshold is from 0 to 100 percent, not \"%s\"", arg);
		break;
	case 'j':
		tables->json = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	tables->any = true;
	return 0;
}

const struct argp cli_tables_argp = {.options = table_options, .parser = parse_tables};

/* Of the terminal; 0: it is none, lines may be of any length.  COLUMNS counts, as elsewhere. */
static unsigned width_of_output(const char *output)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	int given = columns ? atoi(columns) : 0;
	if (given > 0)
		return (unsigned)given;
	if ((output && strcmp(output, "-") != 0) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

struct pw_error *cli_write_tables(const struct cli_tables *tables, const struct pw_report *report,
				  const char *output, size_t measured)
{
	return pw_report_write(report, tables->json ? "json" : "text", width_of_output(output),
			       measured, cli_output_write, NULL);
}

/* ---- recordings ---- */

static void warn(void *data, const char *message)
{
	enum cli_exit *status = data;
	cli_message("%s", message);
	*status = cli_worse(*status, CLI_INCOMPLETE);
}

struct pw_error *cli_read_recording(const char *path, enum cli_exit *status,
				    struct pw_profile **ret)
{
	return pw_recording_read(path, warn, status, ret);
}
