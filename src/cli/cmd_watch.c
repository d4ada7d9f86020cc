/* `pywalk watch`: a command that is dumped, and ended, when it takes too long. */
#include "cli/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KEY_ON_HANG = 0x300,
	KEY_EVERY,
	KEY_KILL_AFTER,
	KEY_OUTPUT_DIR,
	KEY_ANNOTATE,
	KEY_LAYOUTS,
	KEY_DEBUG_DIR,
	KEY_RECORD_DURATION,
	KEY_RECORD_RATE
};

static const struct argp_option options[] = {
	{"timeout", 't', "T", 0, "How long the command may take: 30, 0.5, 30s, 5m, 1h, 1d", 0},
	{"on-hang", KEY_ON_HANG, "LIST", 0,
	 "What is done when it takes longer, in this order: dump (the default), record, core; "
	 "record samples all Python processes for a while, core runs GDB's gcore on each",
	 0},
	{"record-duration", KEY_RECORD_DURATION, "T", 0, "How long is recorded (default 5)", 0},
	{"record-rate", KEY_RECORD_RATE, "N", 0, "Record N looks a second (100)", 0},
	{"every", KEY_EVERY, "T", 0, "Also dump each T before that", 0},
	{"native", 'n', "folded|all", OPTION_ARG_OPTIONAL, "Also C frames, as in pywalk dump", 0},
	{"locals", 'l', "N", OPTION_ARG_OPTIONAL,
	 "Also the variables of each Python frame, as in pywalk dump", 0},
	{"json", 'j', NULL, 0, "JSON instead of text, into files", 0},
	{"output", 'o', "FILE", 0,
	 "Dump into FILE, which holds the last dump, not to standard error", 0},
	{"output-dir", KEY_OUTPUT_DIR, "DIR", 0,
	 "Each dump into a file of its own in DIR, which is made; recordings and cores too", 0},
	{"signal", 's', "SIG", 0, "What ends the command's processes (default TERM)", 0},
	{"kill-after", KEY_KILL_AFTER, "T", 0, "When those that are left are killed (default 10)",
	 0},
	{"annotate", KEY_ANNOTATE, "CI", 0,
	 "Report the hang in the form of auto (as the environment tells, the default), github, "
	 "gitlab, azure, teamcity or none",
	 0},
	{"debug-dir", KEY_DEBUG_DIR, "DIR", 0, "As in pywalk dump", 0},
	{"layouts", KEY_LAYOUTS, "DIR", 0, "As in pywalk dump", 0},
	{0},
};

/* ---- arguments ---- */

static int64_t take_time(const char *option, const char *text, bool zero,
			 const struct argp_state *state)
{
	static const struct {
		char suffix;
		double seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789.");
	char *end = NULL;
	double seconds = digits ? strtod(text, &end) : -1;
	const double limit = 100.0 * 365 * 86400;
	bool good = false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[digits] == units[i].suffix && (!text[digits] || !text[digits + 1])) {
			seconds *= units[i].seconds;
			good = end == text + digits && (seconds > 0 || (zero && seconds == 0)) &&
			       seconds <= limit;
		}
	}
	if (!good)
		argp_error(state, "%s is a time such as 30, 0.5, 30s, 5m or 1h, not \"%s\"", option,
			   text);
	int64_t time = good ? (int64_t)(seconds * 1e9) : 0;
	return time || zero ? time : 1;
}

static void take_on_hang(struct watch_arguments *arguments, const char *text,
			 const struct argp_state *state)
{
	arguments->dump = arguments->core = arguments->record = false;
	for (const char *rest = text; rest;) {
		size_t length = strcspn(rest, ",");
		if (length == 4 && strncmp(rest, "dump", length) == 0)
			arguments->dump = true;
		else if (length == 4 && strncmp(rest, "core", length) == 0)
			arguments->core = true;
		else if (length == 6 && strncmp(rest, "record", length) == 0)
			arguments->record = true;
		else
			argp_error(state,
				   "--on-hang is a list of dump, record and core, not \"%s\"",
				   text);
		rest = rest[length] ? rest + length + 1 : NULL;
	}
}

static void take_rate(struct watch_arguments *arguments, const char *text,
		      const struct argp_state *state)
{
	char *end;
	errno = 0;
	double rate = strtod(text, &end);
	if (end == text || *end || errno || !(rate >= 0.001) || rate > 1e6)
		argp_error(state, "--record-rate is a number from 0.001 to 1000000, not \"%s\"",
			   text);
	arguments->record_rate = rate;
}

static void take_signal(struct watch_arguments *arguments, const char *text,
			const struct argp_state *state)
{
	const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;
	long number = text[0] && !text[strspn(text, "0123456789")] && strlen(text) < 4
			      ? strtol(text, NULL, 10)
			      : 0;
	for (int i = 1; i < NSIG && !number; i++)
		if (sigabbrev_np(i) && strcmp(sigabbrev_np(i), name) == 0)
			number = i;
	if (number < 1 || number >= NSIG)
		argp_error(state, "--signal is the name or number of a signal, not \"%s\"", text);
	arguments->signal = (int)number;
}

static void take_annotate(struct watch_arguments *arguments, const char *text,
			  const struct argp_state *state)
{
	static const char *const names[] = {"auto",  "github",	 "gitlab",
					    "azure", "teamcity", "none"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			arguments->ci = (enum watch_ci)i;
			return;
		}
	}
	argp_error(state, "--annotate is auto, github, gitlab, azure, teamcity or none, not \"%s\"",
		   text);
}

static void take_folder(const char **to, const char *option, const char *path,
			const struct argp_state *state)
{
	struct stat st;
	*to = path;
	if (stat(path, &st))
		argp_error(state, "%s=%s: %s", option, path, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		argp_error(state, "%s=%s: not a folder", option, path);
}

static void check(struct watch_arguments *arguments, const struct argp_state *state)
{
	const struct cli_common *common = &arguments->common;
	if (!arguments->command)
		argp_error(state, "which command?");
	if (!arguments->timeout)
		argp_error(state, "how long may it take? --timeout is missing");
	if (common->output && arguments->output_dir)
		argp_error(state, "--output or --output-dir, not both");
	if (common->output && strcmp(common->output, "-") == 0)
		argp_error(state, "standard output is the command's: --output is a file");
	if (common->json && !common->output && !arguments->output_dir)
		argp_error(state, "--json needs --output or --output-dir: standard error has "
				  "messages too");
	if (!arguments->record && (arguments->record_seconds || arguments->record_rate))
		argp_error(state, "--record-duration and --record-rate are for --on-hang=record");
	if (arguments->core) {
		char *gcore = watch_find_gcore();
		if (!gcore)
			argp_error(state, "--on-hang=core needs gcore, a part of GDB, and there is "
					  "none in PATH");
		free(gcore);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watch_arguments *arguments = state->input;
	struct cli_common *common = &arguments->common;
	switch (key) {
	case 't':
		arguments->timeout = take_time("--timeout", arg, false, state);
		return 0;
	case KEY_EVERY:
		arguments->every = take_time("--every", arg, false, state);
		return 0;
	case KEY_KILL_AFTER:
		arguments->kill_after = take_time("--kill-after", arg, true, state);
		return 0;
	case KEY_ON_HANG:
		take_on_hang(arguments, arg, state);
		return 0;
	case KEY_RECORD_DURATION:
		arguments->record_seconds =
			(double)take_time("--record-duration", arg, false, state) / 1e9;
		return 0;
	case KEY_RECORD_RATE:
		take_rate(arguments, arg, state);
		return 0;
	case 'n':
		cli_take_native(&common->capture, arg, state);
		return 0;
	case 'l':
		cli_take_locals(&common->capture, arg, state);
		return 0;
	case 'j':
		common->json = true;
		return 0;
	case 'o':
		common->output = arg;
		return 0;
	case KEY_OUTPUT_DIR:
		arguments->output_dir = arg;
		return 0;
	case 's':
		take_signal(arguments, arg, state);
		return 0;
	case KEY_ANNOTATE:
		take_annotate(arguments, arg, state);
		return 0;
	case KEY_LAYOUTS:
		take_folder(&common->options.layouts, "--layouts", arg, state);
		return 0;
	case KEY_DEBUG_DIR:
		take_folder(&common->options.debug_dir, "--debug-dir", arg, state);
		return 0;
	case ARGP_KEY_ARG:
		arguments->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		check(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[--] COMMAND [ARG...]",
	.doc = "Run a command, and when it takes too long show the stacks of all of its Python "
	       "processes and end it with everything that it has started."
	       "\vExit status: the command's; 128 and the number of a signal that killed it; 124 "
	       "it "
	       "took too long; 125 watch itself failed, or was used wrongly; 126 the command "
	       "cannot "
	       "be run; 127 there is no such command.",
};

/* ---- the run ---- */

/* What cannot be written is to be known before the command has run for an hour. */
static bool prepare_output(const struct watch_arguments *arguments)
{
	const char *folder = arguments->output_dir;
	if (folder && mkdir(folder, 0777) && errno != EEXIST) {
		cli_message("cannot make the folder %s: %s", folder, strerror(errno));
		return false;
	}
	if (folder) {
		struct stat st;
		bool good =
			!stat(folder, &st) && S_ISDIR(st.st_mode) && !access(folder, W_OK | X_OK);
		if (!good)
			cli_message("cannot write to the folder %s", folder);
		return good;
	}
	if (!arguments->common.output)
		return true;
	if (cli_output_open(&arguments->common) != CLI_OK)
		return false;
	cli_output_close(false, NULL);
	return true;
}

/* Whether it ended in time. */
static bool run_in_time(struct watch *watch)
{
	const struct watch_arguments *arguments = watch->arguments;
	int64_t next = arguments->every;
	while (!watch->ended) {
		/* First what has happened: it may have ended while it was dumped, or been stopped,
		 * as we were, since the clock was read. */
		if (watch_wait(watch, 0))
			continue;
		int64_t elapsed = watch_now() - watch->start;
		if (elapsed >= arguments->timeout)
			return false;
		if (next && elapsed >= next) {
			watch_dump(watch, false);
			elapsed = watch_now() - watch->start;
			while (next <= elapsed)
				next += arguments->every;
		}
		int64_t until = next && next < arguments->timeout ? next : arguments->timeout;
		watch_wait(watch, until - elapsed);
	}
	return true;
}

static int status_of_command(const struct watch *watch)
{
	if (watch->status == -1)
		return WATCH_FAILED;
	if (WIFEXITED(watch->status))
		return WEXITSTATUS(watch->status);
	int number = WTERMSIG(watch->status);
	if (number == watch->typed) {
		/* Who has started us waits to see whether Ctrl-C ended what was run. */
		sigset_t set;
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(number, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, number);
		raise(number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	return 128 + number;
}

static int watch_command(const struct watch_arguments *arguments)
{
	struct watch watch = {.arguments = arguments, .signals = -1};
	if (!prepare_output(arguments))
		return WATCH_FAILED;
	int status = watch_start(&watch);
	if (status)
		return status;
	bool in_time = run_in_time(&watch);
	if (!in_time) {
		watch_dump(&watch, true);
		watch_end(&watch);
	}
	watch_finish(&watch);
	return in_time ? status_of_command(&watch) : WATCH_TIMED_OUT;
}

static int run(int argc, char **argv)
{
	struct watch_arguments arguments = {
		.dump = true, .signal = SIGTERM, .kill_after = 10LL * 1000000000};
	cli_common_init(&arguments.common);
	argp_err_exit_status = WATCH_FAILED;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	if (arguments.ci == WATCH_CI_AUTO)
		arguments.ci = watch_ci_of_environment();
	int status = watch_command(&arguments);
	cli_common_deinit(&arguments.common);
	return status;
}

const struct cli_command cli_watch = {
	.name = "watch",
	.summary = "run a command; dump and end it when it takes too long",
	.run = run,
};
