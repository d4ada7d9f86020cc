/*
 * The command line tool: what main.c and the commands share.
 *
 * The tool is a thin face: it opens a session of libpywalk, has a dump taken, and passes the
 * library's text on.  It knows no format and nothing of CPython.
 */
#ifndef PW_CLI_CLI_H
#define PW_CLI_CLI_H

#include "pywalk.h"

#include <sys/resource.h>
#include <argp.h>
#include <signal.h>

/* Exit statuses; the manual page's section EXIT STATUS.  Of several the greatest counts. */
enum cli_exit {
	CLI_OK = 0,
	CLI_INCOMPLETE = 1, /* something could not be shown; stderr says what */
	CLI_USAGE = 2,	    /* wrong use, or no such target */
	CLI_PERMISSION = 3, /* the target is not ours to read */
};

static inline enum cli_exit cli_worse(enum cli_exit a, enum cli_exit b)
{
	return a > b ? a : b;
}

struct cli_command {
	const char *name;
	const char *summary; /* one line for `pywalk --help` */
	/* argv[0] is "pywalk NAME", for messages. */
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_dump;	    /* cmd_dump.c */
extern const struct cli_command cli_info;	    /* cmd_info.c */
extern const struct cli_command cli_record;	    /* cmd_record.c */
extern const struct cli_command cli_report_command; /* cmd_report.c */
extern const struct cli_command cli_merge_command;  /* cmd_merge.c */
extern const struct cli_command cli_diff_command;   /* cmd_diff.c */
extern const struct cli_command cli_watch;	    /* cmd_watch.c */
extern const struct cli_command cli_top;	    /* cmd_top.c */

/* What main() changed of what the program was started with, for commands that start another. */
struct cli_inherited {
	bool sigpipe;	     /* SIGPIPE was not ignored */
	unsigned closed;     /* bit n: descriptor n, of the standard three, was closed */
	struct rlimit files; /* all 0: not changed */
};
extern struct cli_inherited cli_inherited;
/* In the child, before it becomes another program. */
void cli_restore_inherited(void);
/* As many open files as we may have: who samples keeps some of each thread open.  Undone by
 * cli_restore_inherited(). */
void cli_raise_files(void);

/* ---- memory (memory.c) ---- */

void cli_memory_begin(void);
/* Asks for what a dump is likely to need at once, which takes less than page by page. */
void cli_memory_expect(const struct pw_session *session, const struct pw_capture_options *options);

/* ---- time and signals (signals.c) ---- */

uint64_t cli_now(void); /* ns; CLOCK_MONOTONIC */
/* What is ignored stays ignored: who started us wants it so. */
void cli_catch(const struct sigaction *action, const int *signals, size_t count);
/* The same for those by which a person or a system asks a command to end. */
void cli_catch_ends(void (*handler)(int number));

/* ---- targets (targets.c) ---- */

struct cli_target {
	const char *text; /* as given: a pid in digits, or a file */
	bool is_pid;
	pid_t pid;	     /* 0: a number that no process can have */
	const char *program; /* of a core, as its next argument names it; NULL: not so */
};

struct cli_targets {
	struct cli_target *items;
	size_t count;
};

/* A target's argument: a pid, a core file, or the program of the core file before it. */
void cli_take_argument(struct cli_targets *targets, const char *text,
		       const struct argp_state *state);
/* Why a target cannot be one, whatever the system says; NULL: it may be. */
const char *cli_target_problem(const struct cli_target *target);
/* -p */
void cli_take_pid(struct cli_targets *targets, const char *text, const struct argp_state *state);
void cli_targets_deinit(struct cli_targets *targets);

/* ---- the options that all commands have (options.c) ---- */

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

struct cli_push; /* push.h */

struct cli_common {
	struct cli_targets targets;
	bool single;	/* the command takes one target */
	bool no_target; /* and none is needed */
	bool json;
	enum cli_color color;
	const char *output;	     /* a file; NULL: stdout */
	const struct cli_push *push; /* the output may also be a URL; NULL: it may not */
	struct pw_options options;
	struct pw_capture_options capture;
};

/* Parses the options below; its input is a struct cli_common.  A child of each command's argp. */
extern const struct argp cli_common_argp;
/* The same without what is about cores and about printing: of commands that watch processes. */
extern const struct argp cli_live_argp;
void cli_common_init(struct cli_common *common);
void cli_common_deinit(struct cli_common *common);
struct pw_error *cli_open(const struct cli_common *common, const struct cli_target *target,
			  struct pw_session **ret);
/* cli_report(), with what may help against a failure to open. */
enum cli_exit cli_report_open(const struct cli_common *common, const struct cli_target *target,
			      struct pw_error *error);
const char *cli_format(const struct cli_common *common);
unsigned cli_write_flags(const struct cli_common *common);

/* ---- profiles (cmd_report.c) ---- */

/* The format of profiles whose suffix a name has; NULL: none. */
const struct pw_profile_format *cli_format_of_name(const char *path);
/* ---- captures (capture.c) ---- */

/* The values of --locals (NULL: none was given) and --native. */
void cli_take_locals(struct pw_capture_options *capture, const char *text,
		     const struct argp_state *state);
void cli_take_native(struct pw_capture_options *capture, const char *which,
		     const struct argp_state *state);
/* Opens a target and captures it; with `may_end`, looks again when it seems to have ended or become
 * another program meanwhile.  *ret_dump is NULL before. */
struct pw_error *cli_capture(const struct cli_common *common, const struct cli_target *target,
			     bool may_end, struct pw_session **ret_session,
			     struct pw_dump **ret_dump);

/* ---- messages (report.c) ---- */

/* What the following messages are about: "pywalk: SUBJECT: MESSAGE".  NULL: nothing in particular;
 * kept, not copied. */
void cli_subject(const char *subject);
/* "pywalk: MESSAGE" on stderr, with what would steer a terminal escaped. */
void cli_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Messages go there from now on, printable and without their subject; NULL: to stderr. */
void cli_listen(void (*hear)(const char *message));
/* "hint: ..." on stderr, below a message. */
void cli_hint(const char *text);
enum cli_exit cli_exit_status(enum pw_error_code code);
/* Prints the error and destroys it; returns its exit status. */
enum cli_exit cli_report(struct pw_error *error);

/* ---- output (output.c) ---- */

/*
 * Opens what the user wants the output in.  What goes to a URL is sent when it is complete.  A file
 * gets its name only when it is complete: until then it is a temporary file beside it, removed when
 * a signal ends the program.  On failure says why.
 */
enum cli_exit cli_output_open(const struct cli_common *common);
/* A pw_write_fn for it. */
bool cli_output_write(void *data, const char *piece, size_t length);
/* Whether anything more that is written would get anywhere. */
bool cli_output_good(void);
/* Ends it: `error` is what a writer returned.  A file is given its name when `keep` is set and all
 * went well.  A reader that went away (`pywalk dump ... | head`) is no reason for a message. */
enum cli_exit cli_output_close(bool keep, struct pw_error *error);
/* Ends the program as SIGPIPE would have, if a reader of stdout went away. */
void cli_output_raise(void);

#endif
