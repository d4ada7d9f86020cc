/* `pywalk top`: what processes are doing, while they are doing it. */
#include "cli/top.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	KEY_WINDOW = 0x300,
	KEY_SORT,
	KEY_FILTER,
	KEY_SINCE_START,
	KEY_THREADS,
};

enum { KEY_WAIT_MS = 100 };

struct top_arguments {
	struct cli_common common;
	struct cli_sampling sampling;
	double window, delay; /* seconds */
	unsigned batch;	      /* 0: a screen */
	struct top_view view;
	const char *filter;
	enum top_sort sort;
	bool since_start, threads;
};

static const struct argp_option options[] = {
	{"batch", 'b', "N", 0, "Print N times as text, without a screen and keys", 0},
	{"delay", 'd', "SECONDS", 0, "Show anew after so many seconds (1)", 0},
	{"window", KEY_WINDOW, "SECONDS", 0, "Show what was in the last so many seconds (10)", 0},
	{"since-start", KEY_SINCE_START, NULL, 0, "Show what was since the start", 0},
	{"threads", KEY_THREADS, NULL, 0, "Show threads", 0},
	{"sort", KEY_SORT, "own|total|gil|name", 0, "Sort by this column (own)", 0},
	{"filter", KEY_FILTER, "REGEX", 0, "Only rows in which this is found", 0},
	{0},
};

static enum top_sort sort_of(const char *name, const struct argp_state *state)
{
	static const char *const names[] = {"own", "total", "gil", "name"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum top_sort)i;
	argp_error(state, "--sort is own, total, gil or name, not \"%s\"", name);
	return TOP_SORT_OWN;
}

static void check(const struct top_arguments *arguments, const struct argp_state *state)
{
	if (arguments->common.output)
		argp_error(state, "there is no file to write; pywalk record makes one");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_arguments *arguments = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sampling;
		state->child_inputs[1] = &arguments->common;
		return 0;
	case 'b': {
		double count = cli_take_number("--batch", arg, 1e9, state);
		arguments->batch = (unsigned)count;
		if (arguments->batch != count)
			argp_error(state, "--batch is a whole number, not \"%s\"", arg);
		return 0;
	}
	case 'd':
		arguments->delay = cli_take_number("--delay", arg, 1e6, state);
		return 0;
	case KEY_WINDOW:
		arguments->window = cli_take_number("--window", arg, 1e6, state);
		return 0;
	case KEY_SINCE_START:
		arguments->since_start = true;
		return 0;
	case KEY_THREADS:
		arguments->threads = true;
		return 0;
	case KEY_SORT:
		arguments->sort = sort_of(arg, state);
		return 0;
	case KEY_FILTER:
		arguments->filter = arg;
		return 0;
	case ARGP_KEY_END:
		check(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&cli_sampling_argp, 0, NULL, 0}, {&cli_live_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID...\n-- COMMAND [ARGUMENT...]",
	.doc = "Show which functions processes are in, on the terminal, while they run; ? tells "
	       "the keys."
	       "\vWhat COMMAND prints to the terminal is kept off it; its end is shown if it "
	       "fails.  COMMAND is ended (SIGTERM) when top is.\n\n"
	       "Exit status: that of COMMAND (128 + its signal), if it has ended and nothing else "
	       "went wrong; else 0 all went well, 1 something could not be read, 2 wrong use or no "
	       "such target, 3 no permission.",
	.children = children,
};

/* ---- signals ---- */

static volatile sig_atomic_t ended_by;

/* A second one does not wait for whatever keeps the first from being heeded. */
static void on_end(int number)
{
	if (!ended_by) {
		ended_by = number;
		return;
	}
	top_screen_end_now();
	_exit(128 + number);
}

static void on_continue(int number)
{
	top_sampler_continued();
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_continue, .sa_flags = SA_RESTART};
	cli_catch_ends(on_end);
	sigaction(SIGCONT, &action, NULL);
}

/* ---- the screen ---- */

struct top_run {
	struct top_arguments *arguments;
	struct top_sampler *sampler;
	bool paused, quit, failed;
};

static void draw(struct top_run *run)
{
	struct top_status status;
	struct top_lines lines;
	unsigned rows, columns;
	top_screen_size(&rows, &columns);
	const struct top_model *model = top_sampler_lock(run->sampler, &status);
	bool good = top_draw(&run->arguments->view, model, &status, rows, columns, &lines);
	top_sampler_unlock(run->sampler);
	if (!good) {
		run->quit = run->failed = true;
		return;
	}
	top_screen_show(&lines);
	top_lines_deinit(&lines);
}

static void act(struct top_run *run, int key)
{
	struct top_status status;
	if (key == TOP_KEY_GONE) {
		run->quit = true;
		return;
	}
	const struct top_model *model = top_sampler_lock(run->sampler, &status);
	enum top_action action = top_view_key(&run->arguments->view, model, key);
	top_sampler_unlock(run->sampler);
	switch (action) {
	case TOP_QUIT:
		run->quit = true;
		break;
	case TOP_PAUSE:
		run->paused = !run->paused;
		top_sampler_pause(run->sampler, run->paused);
		break;
	case TOP_RESET:
		top_sampler_reset(run->sampler);
		break;
	case TOP_NOTHING:
		break;
	}
}

static void show(struct top_run *run)
{
	uint64_t delay = (uint64_t)(run->arguments->delay * 1e9), drawn = 0;
	while (!run->quit && !ended_by) {
		if (!drawn || cli_now() - drawn >= delay) {
			draw(run);
			drawn = cli_now();
		}
		int key = top_screen_key(KEY_WAIT_MS);
		if (key == TOP_KEY_NONE)
			continue;
		act(run, key);
		drawn = 0;
	}
}

static int show_screen(struct top_arguments *arguments, struct top_sampler *sampler)
{
	struct top_run run = {.arguments = arguments, .sampler = sampler};
	const char *problem = top_screen_open();
	if (!problem) {
		show(&run);
		top_screen_close();
	}
	int status = top_sampler_stop(sampler);
	if (!problem && !run.failed)
		return status;
	cli_message("%s", problem ? problem : "out of memory");
	return problem ? CLI_USAGE : CLI_INCOMPLETE;
}

/* ---- as text ---- */

/* False: it has been cut short. */
static bool wait_for(struct top_sampler *sampler, double seconds, bool *ended)
{
	uint64_t begin = cli_now();
	while (!ended_by && !*ended && (double)(cli_now() - begin) < seconds * 1e9) {
		struct top_status status;
		usleep(20000);
		top_sampler_lock(sampler, &status);
		*ended = status.ended;
		top_sampler_unlock(sampler);
	}
	return !ended_by;
}

static bool print(struct top_arguments *arguments, struct top_sampler *sampler, bool more)
{
	struct top_status status;
	struct top_lines lines;
	const struct top_model *model = top_sampler_lock(sampler, &status);
	bool good = top_draw(&arguments->view, model, &status, 0, 0, &lines);
	top_sampler_unlock(sampler);
	if (!good) {
		cli_message("out of memory");
		return false;
	}
	for (size_t i = 0; i < lines.count; i++)
		printf("%s\n", lines.items[i].text);
	if (more)
		putchar('\n');
	top_lines_deinit(&lines);
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	/* A reader that went away (`| head`) is no reason for a message. */
	if (errno != EPIPE)
		cli_message("cannot write to standard output: %s", strerror(errno));
	return false;
}

static int show_text(struct top_arguments *arguments, struct top_sampler *sampler)
{
	bool ended = false, good = true;
	for (unsigned i = 0; good && !ended && i < arguments->batch; i++) {
		good = wait_for(sampler, arguments->delay, &ended);
		if (good && !print(arguments, sampler, !ended && i + 1 < arguments->batch)) {
			int status = top_sampler_stop(sampler);
			return cli_worse((enum cli_exit)status, CLI_INCOMPLETE);
		}
	}
	return top_sampler_stop(sampler);
}

/* Of a command line, the folder of its program says the least. */
static const char *without_folder(const char *command)
{
	size_t length = strcspn(command, " ");
	while (length && command[length - 1] != '/')
		length--;
	return command + length;
}

char *top_target_name(const struct cli_sampling *sampling)
{
	const struct cli_targets *targets = &sampling->common->targets;
	char *text = NULL, *command = NULL;
	int length = 0;
	if (sampling->command) {
		length = asprintf(&text, "%s", sampling->command[0]);
	} else {
		command = pw_process_command(targets->items[0].pid);
		length = asprintf(&text, "%d %s", (int)targets->items[0].pid,
				  targets->count > 1 ? "and others"
				  : command	     ? without_folder(command)
						     : "");
	}
	free(command);
	char *printable = length < 0 ? NULL : pw_printable(text);
	if (length >= 0)
		free(text);
	return printable;
}

/* ---- the command ---- */

static int top(struct top_arguments *arguments)
{
	struct top_view *view = &arguments->view;
	int status;
	top_view_init(view, arguments->sampling.sampler.clock,
		      arguments->sampling.sampler.functions);
	view->query.by = arguments->threads	     ? TOP_BY_THREAD
			 : arguments->sampling.lines ? TOP_BY_LINE
						     : TOP_BY_FUNCTION;
	view->query.sort = arguments->sort;
	view->query.since_start = arguments->since_start;
	const char *problem = arguments->filter ? top_view_filter(view, arguments->filter) : NULL;
	if (problem) {
		cli_message("--filter=%s: %s", arguments->filter, problem);
		return CLI_USAGE;
	}
	if (!arguments->batch && !isatty(STDOUT_FILENO)) {
		cli_message("the output is no terminal; --batch=N prints N times");
		return CLI_USAGE;
	}
	catch_signals();
	struct top_sampler *sampler =
		top_sampler_start(&arguments->sampling, (uint64_t)(arguments->window * 1e9),
				  !arguments->batch, &status);
	if (sampler)
		status = arguments->batch ? show_text(arguments, sampler)
					  : show_screen(arguments, sampler);
	return status;
}

static int run(int argc, char **argv)
{
	struct top_arguments arguments = {.window = 10, .delay = 1};
	cli_common_init(&arguments.common);
	cli_sampling_init(&arguments.sampling, &arguments.common);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int status = top(&arguments);
	top_view_deinit(&arguments.view);
	cli_sampling_deinit(&arguments.sampling);
	cli_common_deinit(&arguments.common);
	return status;
}

const struct cli_command cli_top = {
	.name = "top",
	.summary = "show what processes are doing, while they do it",
	.run = run,
};
