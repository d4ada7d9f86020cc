/* `pywalk`: finds the command and runs it. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
	&cli_dump,	     &cli_info,		 &cli_record,	    &cli_top,
	&cli_report_command, &cli_merge_command, &cli_diff_command, &cli_watch,
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

struct cli_inherited cli_inherited;

void cli_restore_inherited(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (cli_inherited.closed & 1U << fd)
			close(fd);
	if (cli_inherited.sigpipe)
		signal(SIGPIPE, SIG_DFL);
	if (cli_inherited.files.rlim_max)
		setrlimit(RLIMIT_NOFILE, &cli_inherited.files);
}

void cli_raise_files(void)
{
	struct rlimit limit;
	if (cli_inherited.files.rlim_max || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	cli_inherited.files = limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void print_version(FILE *stream, struct argp_state *state)
{
	fprintf(stream, "pywalk %s\n", pw_version());
	fprintf(stream, "Sampling engines: ptrace, peek%s\n",
		pw_sampler_has_ebpf() ? ", ebpf" : "; ebpf was not built in");
}

/* libc looks for it by name. */
__attribute__((visibility("default"))) void (*argp_program_version_hook)(
	FILE *, struct argp_state *) = print_version;

/* How far a word is from another in insertions, deletions and replacements; both are short. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[32];
	size_t columns = strlen(b);
	if (columns >= sizeof(row) / sizeof(row[0]) || strlen(a) > 64)
		return 64;
	for (size_t j = 0; j <= columns; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < columns; j++) {
			unsigned best = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[columns];
}

static const struct cli_command *find_command(const char *name, const char **suggestion)
{
	unsigned nearest = 3;
	*suggestion = NULL;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		unsigned d = distance(name, commands[i]->name);
		if (d < nearest) {
			nearest = d;
			*suggestion = commands[i]->name;
		}
	}
	return NULL;
}

static int run_command(const char *name, int argc, char **argv)
{
	const char *suggestion;
	const struct cli_command *command = find_command(name, &suggestion);
	if (!command) {
		cli_message("there is no command \"%s\"%s%s%s", name,
			    suggestion ? "; did you mean \"" : "", suggestion ? suggestion : "",
			    suggestion ? "\"?" : "");
		cli_hint("pywalk --help lists the commands");
		return CLI_USAGE;
	}
	char *title;
	if (asprintf(&title, "pywalk %s", name) < 0) {
		cli_message("out of memory");
		return CLI_INCOMPLETE;
	}
	argv[0] = title;
	int status = command->run(argc, argv);
	free(title);
	return status;
}

struct top {
	int command; /* index in argv of the command's name; 0: none */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top *top = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		top->command = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state,
			   "which command? There are dump, info, record, top, report, merge, "
			   "diff, watch and help");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands behind the options of `pywalk --help`. */
static char *help_filter(int key, const char *text, void *input)
{
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	char *list = NULL;
	size_t length;
	FILE *stream = open_memstream(&list, &length);
	if (!stream)
		return NULL;
	fputs("Commands:\n", stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("  help     show the options of a command: pywalk help COMMAND\n\n"
	      "Examples:\n"
	      "  pywalk dump 4711            the threads of process 4711\n"
	      "  pywalk dump --json core     the threads of a core file, for programs\n"
	      "  pywalk dump -s 4711 4750    two processes and all that they have started\n"
	      "  pywalk info 4711            which Python it is\n"
	      "  pywalk top 4711             what it does, while it does it\n"
	      "  pywalk watch -t 5m -- make  dumps and ends what takes longer\n",
	      stream);
	return fclose(stream) == 0 ? list : NULL;
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "COMMAND [ARG...]",
	.doc = "Show what a CPython process is doing, or was doing when it died, from the "
	       "outside.\v",
	.help_filter = help_filter,
};

/* `pywalk help [COMMAND]` is `pywalk [COMMAND] --help`. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	if (argc > 2) {
		cli_message("help takes one command");
		return CLI_USAGE;
	}
	char *arguments[] = {argc > 1 ? argv[1] : argv[0], option, NULL};
	if (argc > 1)
		return run_command(argv[1], 2, arguments);
	static char name[] = "pywalk";
	arguments[0] = name;
	struct top top = {0};
	argp_parse(&argp, 2, arguments, ARGP_IN_ORDER, NULL, &top);
	return CLI_OK;
}

/* A closed one would be the next file that is opened, and take what is meant for a terminal.  This
 * way writing to it fails and is reported. */
static void occupy_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0) {
			open("/dev/null", O_RDONLY);
			cli_inherited.closed |= 1U << fd;
		}
	}
}

int main(int argc, char **argv)
{
	struct top top = {0};
	occupy_standard_descriptors();

	cli_memory_begin();
	argp_err_exit_status = CLI_USAGE;
	/* A reader that goes away shows as EPIPE, so that everything is put away in good order. */
	cli_inherited.sigpipe = signal(SIGPIPE, SIG_IGN) != SIG_IGN;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &top);
	if (!top.command)
		return CLI_USAGE;
	const char *name = argv[top.command];
	argc -= top.command;
	argv += top.command;
	if (strcmp(name, "help") == 0)
		return help(argc, argv);
	int status = run_command(name, argc, argv);
	if (cli_inherited.sigpipe)
		cli_output_raise();
	return status;
}
