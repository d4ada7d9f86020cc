/* What commands that sample share (sampling.c). */
#ifndef PW_CLI_SAMPLING_H
#define PW_CLI_SAMPLING_H

#include "cli/cli.h"

#include <regex.h>

/* What is sampled besides the common targets, and how. */
struct cli_sampling {
	struct cli_common *common;
	struct pw_sampler_options sampler;
	bool lines; /* --line was given */
	bool subprocesses;
	regex_t wanted; /* of subprocesses, if there is one */
	bool has_wanted;
	char **command; /* NULL: none */
};

/* The options of all this, and "-- COMMAND"; its input is a struct cli_sampling.  A child of a
 * command's argp, before the common options. */
extern const struct argp cli_sampling_argp;
void cli_sampling_init(struct cli_sampling *sampling, struct cli_common *common);
void cli_sampling_deinit(struct cli_sampling *sampling);
const regex_t *cli_sampling_wanted(const struct cli_sampling *sampling); /* NULL: all */

/* An option's value, above 0. */
double cli_take_number(const char *option, const char *text, double most,
		       const struct argp_state *state);

/* Starts it, after `prepare` (NULL: nothing) in the child.  Its pid; below 0: it could not be
 * started, which was said, and why: -errno. */
pid_t cli_start_command(char **command, void (*prepare)(void *data), void *data);

#endif
