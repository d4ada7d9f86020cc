/*
 * `pywalk watch`: a command that is dumped, and ended, when it takes too long.
 *
 * Between pywalk and the command stands a keeper: a process that does nothing but wait.  It is the
 * parent of the command and, as a subreaper, of every orphan that the command leaves, so that what
 * is below it is the command's tree and nothing else, whatever calls setsid() or forks twice.  As
 * the real parent it learns the command's status even when that ends while pywalk traces it.  And
 * pywalk remains an ancestor of all, which is what Yama asks of who wants to ptrace.
 */
#ifndef PW_CLI_WATCH_H
#define PW_CLI_WATCH_H

#include "cli/cli.h"

#include <signal.h>
#include <stdint.h>

/* Statuses besides the command's own, as timeout(1) and env(1) have them. */
enum {
	WATCH_TIMED_OUT = 124,
	WATCH_FAILED = 125, /* watch itself, wrong use included */
	WATCH_CANNOT_RUN = 126,
	WATCH_NOT_FOUND = 127,
};

enum watch_ci {
	WATCH_CI_AUTO,
	WATCH_GITHUB,
	WATCH_GITLAB,
	WATCH_AZURE,
	WATCH_TEAMCITY,
	WATCH_NONE
};

struct watch_arguments {
	struct cli_common common;	    /* what is captured, json, output */
	int64_t timeout, every, kill_after; /* nanoseconds; timeout, every: 0: not given */
	bool dump, core, record;	    /* --on-hang */
	double record_seconds, record_rate;
	int signal;
	enum watch_ci ci;
	const char *output_dir; /* NULL: not given */
	char **command;		/* ends with NULL */
};

/* What the keeper says of the command. */
struct watch_event {
	int64_t time; /* of watch_now() */
	pid_t pid;    /* the command's; of the first event 0 when it could not be started */
	int status;   /* of waitpid(); of the first event an errno */
};

struct watch {
	const struct watch_arguments *arguments;
	pid_t keeper, command;
	int events, signals; /* descriptors to read from */
	bool terminal;	     /* there is one: the command is of our process group */
	bool ended;	     /* the command itself */
	bool asked_to_end;   /* somebody sent what ends programs */
	int status;
	int64_t start;	    /* moved by the time for which job control stopped the command */
	int64_t stopped_at; /* 0: it is not stopped */
	int typed;	    /* the last signal that a terminal sent to us and the command */
	unsigned dumps;
};

int64_t watch_now(void);			 /* monotonic, nanoseconds */
double watch_elapsed(const struct watch *watch); /* seconds */

/* watch_keeper.c: WATCH_FAILED and so on after a message, 0 when the command runs. */
int watch_start(struct watch *watch);
void watch_finish(struct watch *watch);

/* watch_end.c: the processes of the tree; those that have ended are left out.  free() it. */
struct pw_process *watch_processes(const struct watch *watch, size_t *ret_count);
/* Sends a signal to all; returns how many there were. */
size_t watch_signal(const struct watch *watch, int number);
/* Has the whole tree end.  Names what would not. */
void watch_end(struct watch *watch);
/* Handles what the keeper and our own signals say, for at most so long. */
bool watch_wait(struct watch *watch, int64_t nanoseconds);

/* watch_dump.c */
void watch_dump(struct watch *watch, bool hung);

/* watch_core.c: where gcore is; NULL: nowhere.  free() it. */
char *watch_find_gcore(void);
void watch_core(const struct watch *watch, pid_t pid);

/* watch_record.c: what the tree does for some seconds, into a recording. */
void watch_record(struct watch *watch);

/* ---- watch_annotate.c ---- */

/* What is said of one process that hangs. */
struct watch_note {
	char *text;
	char *file; /* NULL: none that the CI would know */
	int line;
};
struct watch_notes {
	struct watch_note *items;
	size_t count, left_out;
};
enum watch_ci watch_ci_of_environment(void);
/* Whether the system shows problems apart from the log. */
bool watch_annotates(enum watch_ci ci);
void watch_note(struct watch_notes *notes, const struct pw_session *session,
		const struct pw_dump *dump);
/* Prints them to stdout, and frees them. */
void watch_print_notes(const struct watch_arguments *arguments, struct watch_notes *notes);
/* Around a dump on stderr. */
void watch_section_begin(enum watch_ci ci, unsigned number, const char *title);
void watch_section_end(enum watch_ci ci, unsigned number);

#endif
