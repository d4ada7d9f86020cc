/* What the commands that read recordings share: which samples, which table. */
#ifndef PW_CLI_PROFILES_H
#define PW_CLI_PROFILES_H

#include "cli/cli.h"

/* A list of arguments of one option. */
struct cli_texts {
	const char **items;
	size_t count;
};
void cli_texts_add(struct cli_texts *texts, const char *text);

/* ---- which samples, frames and names ---- */

struct cli_choice {
	struct cli_texts threads, include, exclude, fold;
	int64_t *processes;
	size_t process_count;
	uint64_t from, to;
	bool running, gil, python, native;
	bool any; /* something is chosen */
};
/* Its input is a struct cli_choice. */
extern const struct argp cli_choice_argp;
void cli_choice_deinit(struct cli_choice *choice);
/* Replaces the profile by what is chosen of it. */
struct pw_error *cli_choose(const struct cli_choice *choice, struct pw_profile **profile);

/* ---- which table ---- */

struct cli_tables {
	struct pw_report_options options;
	bool json;
	bool any; /* some option asks for a table */
};
extern const struct argp cli_tables_argp;
void cli_tables_init(struct cli_tables *tables);
struct pw_error *cli_write_tables(const struct cli_tables *tables, const struct pw_report *report,
				  const char *output, size_t measured);

/* ---- recordings ---- */

/* Reads one; a cut-off one makes *status CLI_INCOMPLETE. */
struct pw_error *cli_read_recording(const char *path, enum cli_exit *status,
				    struct pw_profile **ret);

#endif
