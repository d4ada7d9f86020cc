/*
 * Sending a profile to a collector: HTTP POST of OTLP profiles, v1development, for commands whose
 * -o takes a URL.
 *
 * libcurl does it, which is loaded when something is to be sent, not before: no other command pays
 * for it, and none needs it.
 */
#ifndef PW_CLI_PUSH_H
#define PW_CLI_PUSH_H

#include "cli/cli.h"

struct cli_push {
	const char **headers; /* "NAME: VALUE", of --header; the storage is owned */
	size_t header_count;
	bool keep; /* what could not be sent is not to be had again: it is left in a file */
};

/* --header; its input is a struct cli_push. */
extern const struct argp cli_push_argp;
void cli_push_deinit(struct cli_push *push);

/* Whether an output is a URL: http:// or https://.  NULL is none. */
bool cli_is_url(const char *output);
/* The format that an output is written in, by its name; for a URL, what can be sent.  NULL: none.
 */
const struct pw_profile_format *cli_format_of_output(const char *output);
/* Why a format cannot go to this output; NULL: it can. */
const char *cli_push_problem(const char *output, const char *format);

/* Whether something can be sent at all: before hours of sampling, not after.  Says why not. */
enum cli_exit cli_push_check(void);
/* Sends the body, and tries again where that may help.  On failure says why, with the URL and what
 * the server answered. */
enum cli_exit cli_push_send(const struct cli_push *push, const char *url, const char *body,
			    size_t length);

#endif
