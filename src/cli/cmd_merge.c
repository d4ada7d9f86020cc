/* `pywalk merge`: several recordings as one. */
#include "cli/profiles.h"

#include <stdlib.h>

struct merge_arguments {
	const char *output;
	struct cli_texts recordings;
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0,
	 "Write to FILE, which is there or replaced only when it is complete (- is standard "
	 "output)",
	 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct merge_arguments *arguments = state->input;
	switch (key) {
	case 'o':
		arguments->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		cli_texts_add(&arguments->recordings, arg);
		return 0;
	case ARGP_KEY_END:
		if (!arguments->recordings.count)
			argp_error(state, "which recordings?");
		if (!arguments->output)
			argp_error(state, "into which file? Use -o");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING...",
	.doc = "Make one recording of several: of processes, or of runs."
	       "\vTimes are moved by what the recordings' starts differ.  Recordings by different "
	       "clocks cannot be added up; other differences, such as of rates, are said and "
	       "allowed.\n\n"
	       "Exit status: 0 all was read and written, 1 a recording is not whole (standard "
	       "error says where it ends) or the output failed, 2 wrong use, no recording or "
	       "different clocks, 3 no permission.",
};

static void warn(void *data, const char *message)
{
	cli_message("warning: %s", message);
}

static enum cli_exit write_merged(const struct merge_arguments *arguments,
				  const struct pw_profile *profile)
{
	size_t count = arguments->recordings.count;
	struct cli_target *targets = calloc(count, sizeof(*targets));
	if (!targets) {
		cli_message("out of memory");
		return CLI_INCOMPLETE;
	}
	for (size_t i = 0; i < count; i++)
		targets[i].text = arguments->recordings.items[i];
	const struct cli_common common = {.targets = {targets, count}, .output = arguments->output};
	enum cli_exit status = cli_output_open(&common);
	if (status == CLI_OK)
		status = cli_output_close(true,
					  pw_profile_write(profile, "raw", cli_output_write, NULL));
	free(targets);
	return status;
}

/* Those that were read come one after the other, NULL behind them. */
static struct pw_error *read_all(const struct cli_texts *recordings, enum cli_exit *status,
				 struct pw_profile **profiles)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < recordings->count; i++)
		error = cli_read_recording(recordings->items[i], status, &profiles[i]);
	return error;
}

static int run(int argc, char **argv)
{
	struct merge_arguments arguments = {0};
	enum cli_exit status = CLI_OK;
	struct pw_profile *merged;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct pw_profile **profiles =
		calloc(arguments.recordings.count + 1, sizeof(struct pw_profile *));
	if (!profiles) {
		cli_message("out of memory");
		return CLI_INCOMPLETE;
	}
	struct pw_error *error = read_all(&arguments.recordings, &status, profiles);
	if (!error)
		error = pw_profile_merge((const struct pw_profile *const *)profiles,
					 arguments.recordings.items, arguments.recordings.count,
					 warn, NULL, &merged);
	if (!error) {
		status = cli_worse(status, write_merged(&arguments, merged));
		pw_profile_destroy(merged);
	} else {
		status = cli_worse(status, cli_report(error));
	}
	for (size_t i = 0; i < arguments.recordings.count; i++)
		pw_profile_destroy(profiles[i]);
	free(profiles);
	free(arguments.recordings.items);
	cli_output_raise();
	return status;
}

const struct cli_command cli_merge_command = {
	.name = "merge",
	.summary = "make one recording of several",
	.run = run,
};
