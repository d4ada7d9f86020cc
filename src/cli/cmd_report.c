/* `pywalk report`: a recording in the form that somebody reads. */
#include "cli/profiles.h"
#include "cli/push.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report_arguments {
	const char *recording;
	const char *output;
	const char *format; /* NULL: tables */
	struct cli_choice choice;
	struct cli_tables tables;
	struct cli_push push;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0,
	 "In this format; else the one that -o's suffix names, else as a table", 0},
	{"output", 'o', "FILE|URL", 0,
	 "Write to FILE, which is there or replaced only when it is complete (- is standard "
	 "output); send to a collector at http://HOST:PORT or https://HOST:PORT, as otlp",
	 0},
	{0},
};

static const struct pw_profile_format *find_format(const char *name)
{
	for (const struct pw_profile_format *f = pw_profile_formats(); f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), of_suffix = strlen(suffix);
	return length > of_suffix && strcmp(text + length - of_suffix, suffix) == 0;
}

/* The longest suffix that fits counts. */
const struct pw_profile_format *cli_format_of_name(const char *path)
{
	const struct pw_profile_format *found = NULL;
	for (const struct pw_profile_format *f = pw_profile_formats(); f->name; f++)
		if (ends_with(path, f->suffix) &&
		    (!found || strlen(f->suffix) > strlen(found->suffix)))
			found = f;
	return found;
}

static void choose_format(struct report_arguments *arguments, const struct argp_state *state)
{
	const struct pw_profile_format *format = NULL;
	bool file = arguments->output && strcmp(arguments->output, "-") != 0;
	if (arguments->format) {
		format = find_format(arguments->format);
		if (!format)
			argp_error(state, "there is no format \"%s\"; see --help",
				   arguments->format);
		if (arguments->tables.any)
			argp_error(state,
				   "-F %s is no table: --table, --by, --function, --limit, "
				   "--threshold and --json do not go with it",
				   arguments->format);
	} else if (file && !arguments->tables.any) {
		format = cli_format_of_output(arguments->output);
		if (!format)
			argp_error(state,
				   "the name %s tells no format: use -F, or --table for a table",
				   arguments->output);
	}
	arguments->format = format ? format->name : NULL;
	const char *problem = cli_push_problem(arguments->output, arguments->format);
	if (problem)
		argp_error(state, "-o %s: %s", arguments->output, problem);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_arguments *arguments = state->input;
	switch (key) {
	case 'F':
		arguments->format = arg;
		return 0;
	case 'o':
		arguments->output = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->tables;
		state->child_inputs[1] = &arguments->choice;
		state->child_inputs[2] = &arguments->push;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->recording)
			argp_error(state, "one recording at a time: \"%s\" and \"%s\"",
				   arguments->recording, arg);
		arguments->recording = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->recording)
			argp_error(state, "which recording?");
		choose_format(arguments, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Behind the text of --help: the formats there are. */
static char *add_formats(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t length;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	FILE *stream = open_memstream(&list, &length);
	if (!stream)
		return NULL;
	fputs("Formats:\n", stream);
	for (const struct pw_profile_format *f = pw_profile_formats(); f->name; f++)
		fprintf(stream, "  %-12s %-17s %s\n", f->name, f->suffix, f->description);
	fprintf(stream, "\n%s", text ? text : "");
	fclose(stream);
	return list;
}

static const struct argp_child children[] = {{&cli_tables_argp, 0, NULL, 0},
					     {&cli_choice_argp, 0, NULL, 0},
					     {&cli_push_argp, 0, NULL, 0},
					     {0}};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "RECORDING",
	.doc = "Show a recording as a table, or turn it into another format."
	       "\vExit status: 0 all was read and written, 1 the recording is not whole (standard "
	       "error says where it ends) or the output failed, 2 wrong use, no recording, or "
	       "no such thread or process in it, 3 no permission.",
	.help_filter = add_formats,
};

static struct pw_error *write_tables(const struct report_arguments *arguments,
				     const struct pw_profile *profile, size_t measured)
{
	struct pw_report *report;
	struct pw_error *error = pw_report_create(profile, &arguments->tables.options, &report);
	if (error)
		return error;
	error = cli_write_tables(&arguments->tables, report, arguments->output,
				 arguments->choice.any ? measured : 0);
	pw_report_destroy(report);
	return error;
}

static enum cli_exit write_profile(const struct report_arguments *arguments,
				   const struct pw_profile *profile, size_t measured)
{
	struct cli_target target = {.text = arguments->recording};
	const struct cli_common common = {
		.targets = {&target, 1}, .output = arguments->output, .push = &arguments->push};
	enum cli_exit status = cli_output_open(&common);
	if (status != CLI_OK)
		return status;
	struct pw_error *error = arguments->format ? pw_profile_write(profile, arguments->format,
								      cli_output_write, NULL)
						   : write_tables(arguments, profile, measured);
	return cli_output_close(true, error);
}

static int run(int argc, char **argv)
{
	struct report_arguments arguments = {0};
	enum cli_exit status = CLI_OK;
	struct pw_profile *profile;

	cli_tables_init(&arguments.tables);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct pw_error *error = cli_read_recording(arguments.recording, &status, &profile);
	if (!error) {
		size_t measured = pw_profile_sample_count(profile);
		error = cli_choose(&arguments.choice, &profile);
		if (!error)
			status = cli_worse(status, write_profile(&arguments, profile, measured));
		pw_profile_destroy(profile);
	}
	if (error)
		status = cli_worse(status, cli_report(error));
	cli_choice_deinit(&arguments.choice);
	cli_push_deinit(&arguments.push);
	cli_output_raise();
	return status;
}

const struct cli_command cli_report_command = {
	.name = "report",
	.summary = "show a recording as a table, or turn it into another format",
	.run = run,
};
