/* `pywalk diff`: what has changed from one recording to another. */
#include "cli/profiles.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_NORMALIZE = 0x300, KEY_ABSOLUTE };

enum diff_form { TABLE, COLLAPSED, FLAMEGRAPH };

struct diff_arguments {
	const char *recordings[2];
	size_t count;
	const char *output;
	enum diff_form form;
	bool has_form, normalize, absolute;
	struct cli_choice choice;
	struct cli_tables tables;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0,
	 "flamegraph: a page for browsers, coloured by what has grown and shrunk (so it is if -o "
	 "ends in .html); collapsed: a line a stack with the samples before and after, for "
	 "flamegraph.pl and inferno; else a table",
	 0},
	{"normalize", KEY_NORMALIZE, NULL, 0,
	 "Of collapsed: scale the samples before, so that there are as many as after", 0},
	{"absolute", KEY_ABSOLUTE, NULL, 0,
	 "Of flamegraph: compare times, not shares of each recording", 0},
	{"output", 'o', "FILE", 0,
	 "Write to FILE, which is there or replaced only when it is complete (- is standard "
	 "output)",
	 0},
	{0},
};

static void check(const struct diff_arguments *arguments, const struct argp_state *state)
{
	if (arguments->count < 2)
		argp_error(state, "which two recordings?");
	if (arguments->form != TABLE && arguments->tables.any)
		argp_error(state,
			   "-F %s is no table: --table, --by, --function, --limit, --threshold and "
			   "--json do not go with it",
			   arguments->form == COLLAPSED ? "collapsed" : "flamegraph");
	if (arguments->normalize && arguments->form == TABLE)
		argp_error(state, "--normalize is for -F collapsed: tables compare shares");
	if (arguments->absolute && arguments->form != FLAMEGRAPH)
		argp_error(state, "--absolute is for -F flamegraph");
	if (arguments->absolute && arguments->normalize)
		argp_error(state, "--absolute or --normalize, not both");
	if (arguments->tables.options.table > PW_REPORT_CUMULATIVE)
		argp_error(state, "--table is flat or cumulative here, not \"%s\"",
			   pw_report_table_name(arguments->tables.options.table));
}

static void take_form(struct diff_arguments *arguments, const char *text,
		      const struct argp_state *state)
{
	arguments->has_form = true;
	if (strcmp(text, "collapsed") == 0)
		arguments->form = COLLAPSED;
	else if (strcmp(text, "flamegraph") == 0)
		arguments->form = FLAMEGRAPH;
	else
		argp_error(state, "-F is flamegraph or collapsed here, not \"%s\"", text);
}

/* What is to be a page is not meant to be a table. */
static void take_suffix(struct diff_arguments *arguments)
{
	const struct pw_profile_format *format =
		arguments->output ? cli_format_of_name(arguments->output) : NULL;
	if (!arguments->has_form && !arguments->tables.any && format &&
	    strcmp(format->name, "flamegraph") == 0)
		arguments->form = FLAMEGRAPH;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct diff_arguments *arguments = state->input;
	switch (key) {
	case 'F':
		take_form(arguments, arg, state);
		return 0;
	case KEY_ABSOLUTE:
		arguments->absolute = true;
		return 0;
	case KEY_NORMALIZE:
		arguments->normalize = true;
		return 0;
	case 'o':
		arguments->output = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->tables;
		state->child_inputs[1] = &arguments->choice;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->count == 2)
			argp_error(state, "two recordings are compared: \"%s\" is a third one",
				   arg);
		else
			arguments->recordings[arguments->count++] = arg;
		return 0;
	case ARGP_KEY_END:
		take_suffix(arguments);
		check(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{&cli_tables_argp, 0, NULL, 0}, {&cli_choice_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "BEFORE AFTER",
	.doc = "Show what has changed from one recording to another: the shares of functions, the "
	       "largest change first."
	       "\vShares are of all that was chosen of the recording, so that recordings of "
	       "different lengths compare.  A threshold is in percentage points of change.\n\n"
	       "Exit status: 0 all was read and written, 1 a recording is not whole (standard "
	       "error says where it ends) or the output failed, 2 wrong use, no recording, "
	       "different clocks, or no such thread or process, 3 no permission.",
};

static struct pw_error *write_table(const struct diff_arguments *arguments,
				    const struct pw_profile *before, const struct pw_profile *after)
{
	struct pw_report *report;
	struct pw_error *error =
		pw_report_compare(before, after, &arguments->tables.options, &report);
	if (error)
		return error;
	error = cli_write_tables(&arguments->tables, report, arguments->output, 0);
	pw_report_destroy(report);
	return error;
}

static enum cli_exit write_difference(const struct diff_arguments *arguments,
				      const struct pw_profile *before,
				      const struct pw_profile *after)
{
	struct cli_target targets[2] = {{.text = arguments->recordings[0]},
					{.text = arguments->recordings[1]}};
	const struct cli_common common = {.targets = {targets, 2}, .output = arguments->output};
	enum cli_exit status = cli_output_open(&common);
	if (status != CLI_OK)
		return status;
	struct pw_error *error = NULL;
	switch (arguments->form) {
	case COLLAPSED:
		error = pw_profile_write_difference(before, after, arguments->normalize,
						    cli_output_write, NULL);
		break;
	case FLAMEGRAPH:
		error = pw_profile_write_difference_graph(before, after, arguments->recordings,
							  arguments->absolute, cli_output_write,
							  NULL);
		break;
	case TABLE:
		error = write_table(arguments, before, after);
		break;
	}
	return cli_output_close(true, error);
}

static int run(int argc, char **argv)
{
	struct diff_arguments arguments = {0};
	struct pw_profile *profiles[2] = {NULL, NULL};
	enum cli_exit status = CLI_OK;
	struct pw_error *error = NULL;

	cli_tables_init(&arguments.tables);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	for (size_t i = 0; !error && i < 2; i++) {
		error = cli_read_recording(arguments.recordings[i], &status, &profiles[i]);
		if (!error)
			error = cli_choose(&arguments.choice, &profiles[i]);
	}
	if (error)
		status = cli_worse(status, cli_report(error));
	else
		status = cli_worse(status, write_difference(&arguments, profiles[0], profiles[1]));
	pw_profile_destroy(profiles[0]);
	pw_profile_destroy(profiles[1]);
	cli_choice_deinit(&arguments.choice);
	cli_output_raise();
	return status;
}

const struct cli_command cli_diff_command = {
	.name = "diff",
	.summary = "show what has changed from one recording to another",
	.run = run,
};
