/*
 * The command line tool: what main.c and the commands share.
 *
 * The tool is a thin face: it opens a session of libpywalk, has a dump taken, and passes the
 * library's text on.  It knows no format and nothing of CPython.
 */
#ifndef PW_CLI_CLI_H
#define PW_CLI_CLI_H

#include "pywalk.h"

#include <argp.h>

/* Exit statuses; the manual page's section EXIT STATUS. */
enum cli_exit {
	CLI_OK = 0,
	CLI_INCOMPLETE = 1, /* something could not be shown; stderr says what */
	CLI_USAGE = 2,	    /* wrong use, or no such target */
	CLI_PERMISSION = 3, /* the target is not ours to read */
};

struct cli_command {
	const char *name;
	const char *summary; /* one line for `pywalk --help` */
	/* argv[0] is "pywalk NAME", for messages. */
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_dump; /* cmd_dump.c */
extern const struct cli_command cli_info; /* cmd_info.c */

/* ---- the target and how to write, common to all commands (options.c) ---- */

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

struct cli_common {
	const char *target; /* as given: a pid in digits, or a file */
	bool is_pid;
	pid_t pid; /* 0: a number that no process can have */
	bool json;
	enum cli_color color;
	struct pw_options options;
	struct pw_capture_options capture;
};

/* Parses the options below; its input is a struct cli_common.  A child of each command's argp. */
extern const struct argp cli_common_argp;
void cli_common_init(struct cli_common *common);
/* Opens the target; on failure says why and returns the exit status. */
enum cli_exit cli_open(const struct cli_common *common, struct pw_session **ret);
const char *cli_format(const struct cli_common *common);
unsigned cli_write_flags(const struct cli_common *common);

/* ---- output (report.c) ---- */

/* "pywalk: MESSAGE" on stderr, with what would steer a terminal escaped. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "hint: ..." on stderr, below a message. */
void cli_hint(const char *text);
/* Prints the error and destroys it; returns its exit status. */
enum cli_exit cli_report(struct pw_error *error);
/* A pw_write_fn for stdout. */
bool cli_write_stdout(void *data, const char *piece, size_t length);
/* After a writer has returned: what its result and the state of stdout come to.  A reader that went
 * away
 * (`pywalk dump ... | head`) is no reason for a message. */
enum cli_exit cli_finish_output(struct pw_error *error);

#endif
