/* `pywalk report`: a recording in the form that somebody reads. */
#include "cli/cli.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report_arguments {
	const char *recording;
	const char *output;
	const char *format;
};

static const struct argp_option options[] = {
	{"format", 'F', "FORMAT", 0, "In this format; else the one that -o's suffix names", 0},
	{"output", 'o', "FILE", 0,
	 "Write to FILE, which is there or replaced only when it is complete (- is standard "
	 "output)",
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
	const struct pw_profile_format *format = arguments->format ? find_format(arguments->format)
						 : arguments->output
							 ? cli_format_of_name(arguments->output)
							 : NULL;
	if (!format && arguments->format)
		argp_error(state, "there is no format \"%s\"; see --help", arguments->format);
	else if (!format && arguments->output)
		argp_error(state, "the name %s tells no format: use -F", arguments->output);
	else if (!format)
		argp_error(state, "which format? Use -F, or -o with a name that tells it");
	else
		arguments->format = format->name;
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
		fprintf(stream, "  %-12s %-14s %s\n", f->name, f->suffix, f->description);
	fprintf(stream, "\n%s", text ? text : "");
	fclose(stream);
	return list;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "RECORDING",
	.doc = "Turn a recording into another format."
	       "\vExit status: 0 all was read and written, 1 the recording is not whole (standard "
	       "error says where it ends) or the output failed, 2 wrong use or no recording, 3 no "
	       "permission.",
	.help_filter = add_formats,
};

static void warn(void *data, const char *message)
{
	enum cli_exit *status = data;
	cli_message("%s", message);
	*status = cli_worse(*status, CLI_INCOMPLETE);
}

static int run(int argc, char **argv)
{
	struct report_arguments arguments = {0};
	enum cli_exit status = CLI_OK;
	struct pw_profile *profile;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct pw_error *error = pw_recording_read(arguments.recording, warn, &status, &profile);
	if (error)
		return cli_report(error);
	struct cli_target target = {.text = arguments.recording};
	const struct cli_common common = {.targets = {&target, 1}, .output = arguments.output};
	enum cli_exit opened = cli_output_open(&common);
	if (opened != CLI_OK) {
		pw_profile_destroy(profile);
		return opened;
	}
	error = pw_profile_write(profile, arguments.format, cli_output_write, NULL);
	status = cli_worse(status, cli_output_close(true, error));
	pw_profile_destroy(profile);
	cli_output_raise();
	return status;
}

const struct cli_command cli_report_command = {
	.name = "report",
	.summary = "turn a recording into another format",
	.run = run,
};
