/* `pywalk record`: looks at processes many times a second, and writes what they did. */
#include "cli/record.h"
#include "cli/push.h"
#include "cli/record_file.h"
#include "cli/record_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEY_MEMORY = 0x300 };

enum { FLUSH_MS = 1000 };

struct record_arguments {
	struct cli_common common;
	struct cli_push push;
	struct cli_sampling sampling;
	struct record_keep_arguments keep;
	const char *format; /* NULL: by the output's name, else raw */
	double duration;    /* seconds; 0: until the end */
	bool quiet;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0,
	 "Write this format; else the one that -o's suffix names, or a recording (raw)", 0},
	{"duration", 'd', "SECONDS", 0, "End after so many seconds of real time", 0},
	{"memory", KEY_MEMORY, NULL, 0, "Also how much memory is resident, at each look", 0},
	{"quiet", 'q', NULL, 0, "No progress, and no summary at the end", 0},
	{0},
};

static const struct pw_profile_format *find_format(const char *name)
{
	for (const struct pw_profile_format *f = pw_profile_formats(); f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static void check(struct record_arguments *arguments, const struct argp_state *state)
{
	const char *output = arguments->common.output;
	const struct pw_profile_format *format = arguments->format ? find_format(arguments->format)
						 : output	   ? cli_format_of_output(output)
								   : NULL;
	if (arguments->format && !format)
		argp_error(state, "there is no format \"%s\"; see pywalk report --help",
			   arguments->format);
	if (output && !format)
		argp_error(state, "the name %s tells no format: use -F", output);
	arguments->format = format ? format->name : "raw";
	const char *problem = cli_push_problem(output, arguments->format);
	if (problem)
		argp_error(state, "-o %s: %s", output, problem);
	if (arguments->sampling.command && arguments->common.targets.count)
		argp_error(state, "processes or a command, not both");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_arguments *arguments = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->sampling;
		state->child_inputs[1] = &arguments->common;
		state->child_inputs[2] = &arguments->keep;
		state->child_inputs[3] = &arguments->push;
		return 0;
	case 'F':
		arguments->format = arg;
		return 0;
	case 'd':
		arguments->duration = cli_take_number("--duration", arg, 1e9, state);
		return 0;
	case KEY_MEMORY:
		arguments->sampling.sampler.memory = true;
		return 0;
	case 'q':
		arguments->quiet = true;
		return 0;
	case ARGP_KEY_END:
		check(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&cli_sampling_argp, 0, NULL, 0},
	{&cli_live_argp, 0, NULL, 0},
	{&record_keep_argp, 0, NULL, 0},
	{&cli_push_argp, 0, NULL, 0},
	{0},
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PID...\n-- COMMAND [ARGUMENT...]",
	.doc = "Sample what processes do, many times a second, until they end or Ctrl-C comes."
	       "\vWithout -o, a recording goes to pywalk-PID-TIME.pywalk; pywalk report reads it.  "
	       "SIGUSR1: what there is so far is written, and sampling goes on.\n\n"
	       "Exit status: that of COMMAND (128 + its signal), if there is one and nothing else "
	       "went wrong; else 0 all went well, 1 something could not be read or written, 2 "
	       "wrong "
	       "use or no such target, 3 no permission.",
	.children = children,
};

/* ---- what signals say ---- */

static volatile sig_atomic_t ended_by, asked_for_profile;

static void on_end(int number)
{
	ended_by = number;
}

static void on_ask(int number)
{
	asked_for_profile = number;
}

static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_ask};
	cli_catch_ends(on_end);
	sigaction(SIGUSR1, &action, NULL);
}

/* ---- the output ---- */

struct record_run {
	struct record_arguments *arguments;
	struct pw_sampler *sampler;
	struct record_processes processes;
	pid_t child; /* 0: none, or it has ended */
	int child_status;
	struct record_keep keep;
	struct record_file file; /* without a recording: another format, written at the end */
	uint64_t flushed, shown; /* ns */
	uint64_t samples;	 /* written and forgotten */
	enum cli_exit status;
};

static enum cli_exit begin_recording(struct record_run *run)
{
	const struct record_arguments *arguments = run->arguments;
	const char *output = arguments->common.output;
	const struct cli_targets *targets = &arguments->common.targets;
	char *path =
		output ? strdup(output)
		       : record_file_name(NULL, run->child ? run->child : targets->items[0].pid);
	return record_file_begin(&run->file, path, record_keep_profile(&run->keep));
}

/* While it is written, signals wait: they would take the file away, and the profile with it. */
static enum cli_exit write_file(struct record_run *run)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	enum cli_exit status = cli_output_open(&run->arguments->common);
	if (status == CLI_OK) {
		struct pw_error *error =
			pw_profile_write(record_keep_profile(&run->keep), run->arguments->format,
					 cli_output_write, NULL);
		status = cli_output_close(true, error);
	}
	catch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}

static enum cli_exit take(struct record_run *run)
{
	struct pw_error *error = pw_sampler_summarize(run->sampler);
	if (!error)
		error = record_keep_take(&run->keep);
	return error ? cli_report(error) : CLI_OK;
}

static enum cli_exit write_profile(struct record_run *run)
{
	enum cli_exit status = take(run);
	if (status != CLI_OK)
		return status;
	if (!run->file.recording)
		return write_file(run);
	run->samples += pw_profile_sample_count(record_keep_profile(&run->keep));
	return record_file_flush(&run->file);
}

static enum cli_exit end_output(struct record_run *run)
{
	enum cli_exit status = write_profile(run);
	return run->file.recording ? cli_worse(status, record_file_end(&run->file)) : status;
}

/* ---- what is said ---- */

static uint64_t all_samples(const struct record_run *run)
{
	return run->samples + pw_profile_sample_count(record_keep_profile(&run->keep));
}

static void show_progress(struct record_run *run, uint64_t time)
{
	if (run->arguments->quiet || !isatty(STDERR_FILENO) || cli_now() - run->shown < 500000000)
		return;
	run->shown = cli_now();
	fprintf(stderr, "\r\033[K%.0f s, %" PRIu64 " samples; Ctrl-C ends it ", (double)time / 1e9,
		all_samples(run));
}

static void show_summary(struct record_run *run)
{
	const struct pw_profile *profile = record_keep_profile(&run->keep);
	const struct pw_profile_info *info = pw_profile_info(profile);
	double seconds = (double)info->duration / 1e9;
	if (run->arguments->quiet)
		return;
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	cli_message("%" PRIu64 " samples of %zu threads in %.2f s: %.1f looks per second of %g, "
		    "%" PRIu64 " missed, %" PRIu64 " lost, %" PRIu64 " torn",
		    all_samples(run), pw_profile_thread_count(profile), seconds, info->rate_reached,
		    info->rate_wished, info->missed, info->lost, info->torn);
	cli_message("threads stopped %" PRIu64 " times: median %.0f us, 99 %% within %.0f us, "
		    "longest %.0f us; pywalk itself took %.1f %% of a processor",
		    info->pauses, (double)info->pause_median / 1e3, (double)info->pause_p99 / 1e3,
		    (double)info->pause_max / 1e3,
		    seconds > 0 ? (double)info->own_cpu / 1e7 / seconds : 0);
	if (run->file.path)
		cli_message("written: %s", run->file.path);
}

/* ---- sampling ---- */

static void look_after_child(struct record_run *run, bool wait)
{
	int status;
	if (!run->child || waitpid(run->child, &status, wait ? 0 : WNOHANG) != run->child)
		return;
	run->child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	run->child = 0;
}

static bool goes_on(const struct record_run *run, uint64_t time)
{
	double duration = run->arguments->duration;
	return !ended_by && run->status == CLI_OK &&
	       !(duration && (double)time >= duration * 1e9) && record_alive(&run->processes);
}

/* What is written, or chosen from, need not be held. */
static void flush(struct record_run *run)
{
	bool due = cli_now() - run->flushed >= FLUSH_MS * 1000000ull;
	bool written = asked_for_profile || (due && run->file.recording);
	if (!written && !(due && run->keep.kept))
		return;
	asked_for_profile = 0;
	run->flushed = cli_now();
	run->status = cli_worse(run->status, written ? write_profile(run) : take(run));
}

/* A recording on a file need not be held; what is held even so, and other formats, are too much. */
static void keep_in_bounds(struct record_run *run)
{
	if (!record_keep_is_full(&run->keep))
		return;
	if (run->file.recording)
		run->status = cli_worse(run->status, write_profile(run));
	else
		run->status = cli_worse(run->status, take(run));
	if (run->status != CLI_OK || !record_keep_is_full(&run->keep))
		return;
	cli_message("the profile does not fit into --max-memory=%s: sampling ends",
		    run->arguments->keep.max_memory_text);
	run->status = CLI_INCOMPLETE;
}

static void sample(struct record_run *run)
{
	uint64_t time = 0, weight;
	while (goes_on(run, time)) {
		if (!pw_sampler_wait(run->sampler, &time, &weight)) {
			flush(run);
			continue;
		}
		struct pw_error *error =
			pw_sampler_look(run->sampler, time, weight, record_gone, &run->processes);
		if (error)
			run->status = cli_worse(run->status, cli_report(error));
		look_after_child(run, false);
		record_tend(&run->processes);
		keep_in_bounds(run);
		flush(run);
		show_progress(run, time);
	}
}

static enum cli_exit begin(struct record_run *run)
{
	struct record_arguments *arguments = run->arguments;
	if (arguments->sampling.command) {
		pid_t pid = cli_start_command(arguments->sampling.command, NULL, NULL);
		if (pid < 0)
			return pid == -ENOENT ? 127 : 126;
		run->child = pid;
		record_add_command(&run->processes, pid);
	}
	for (size_t i = 0; i < arguments->common.targets.count; i++)
		record_add(&run->processes, &arguments->common.targets.items[i]);
	if (!run->processes.count)
		return run->processes.status;
	if (strcmp(arguments->format, "raw") == 0)
		return begin_recording(run);
	return CLI_OK;
}

/* A command outlives the recording when the time is up; a person's Ctrl-C goes to both. */
static int exit_status(const struct record_run *run)
{
	enum cli_exit status = cli_worse(run->status, run->processes.status);
	if (status == CLI_OK && run->arguments->sampling.command && !run->child)
		return run->child_status;
	return status;
}

static int record(struct record_arguments *arguments)
{
	struct record_run run = {.arguments = arguments};
	arguments->push.keep = true;
	arguments->common.push = &arguments->push;
	enum cli_exit can_send = cli_is_url(arguments->common.output) ? cli_push_check() : CLI_OK;
	if (can_send != CLI_OK)
		return can_send;
	cli_raise_files();
	struct pw_error *error = pw_sampler_create(&arguments->sampling.sampler, &run.sampler);
	if (error)
		return cli_report(error);
	const char *note = pw_sampler_engine_note(run.sampler);
	if (note && !arguments->quiet)
		cli_message("%s; sampling by ptrace instead", note);
	run.processes = (struct record_processes){
		.common = &arguments->common,
		.sampler = run.sampler,
		.descendants = arguments->sampling.subprocesses,
		.wanted = cli_sampling_wanted(&arguments->sampling),
	};
	catch_signals();
	error = record_keep_begin(&run.keep, &arguments->keep, pw_sampler_profile(run.sampler));
	enum cli_exit begun = error ? cli_report(error) : begin(&run);
	if (begun == CLI_OK && run.processes.count) {
		sample(&run);
		run.status = cli_worse(run.status, end_output(&run));
		show_summary(&run);
		record_keep_note(&run.keep);
	} else {
		run.status = cli_worse(run.status, begun);
	}
	/* It may have closed its files before it ends; who asked for a duration does not wait. */
	if (begun == CLI_OK && !arguments->duration && !ended_by)
		look_after_child(&run, true);
	int status = exit_status(&run);
	record_processes_deinit(&run.processes);
	record_keep_deinit(&run.keep);
	pw_sampler_destroy(run.sampler);
	record_file_deinit(&run.file);
	return status;
}

static int run(int argc, char **argv)
{
	struct record_arguments arguments = {0};
	cli_common_init(&arguments.common);
	cli_sampling_init(&arguments.sampling, &arguments.common);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int status = record(&arguments);
	cli_sampling_deinit(&arguments.sampling);
	cli_common_deinit(&arguments.common);
	record_keep_arguments_deinit(&arguments.keep);
	cli_push_deinit(&arguments.push);
	cli_output_raise();
	return status;
}

const struct cli_command cli_record = {
	.name = "record",
	.summary = "sample what processes do, into a profile",
	.run = run,
};
