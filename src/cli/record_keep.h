/* `pywalk record`: what is kept of what is seen, and how much of it. */
#ifndef PW_CLI_RECORD_KEEP_H
#define PW_CLI_RECORD_KEEP_H

#include "cli/profiles.h"

struct record_keep_arguments {
	struct cli_texts threads, include, exclude;
	uint64_t max_memory; /* bytes; 0: any */
	const char *max_memory_text;
};
/* --threads, --include, --exclude, --max-memory; its input is a struct record_keep_arguments. */
extern const struct argp record_keep_argp;
void record_keep_arguments_deinit(struct record_keep_arguments *arguments);

struct record_keep {
	const struct record_keep_arguments *arguments;
	struct pw_profile *live; /* the sampler's */
	struct pw_profile *kept; /* NULL: all is kept, where it is */
};
struct pw_error *record_keep_begin(struct record_keep *keep,
				   const struct record_keep_arguments *arguments,
				   struct pw_profile *live);
/* What is to be written; of what was seen since the last record_keep_take(), nothing. */
struct pw_profile *record_keep_profile(const struct record_keep *keep);
/* Chooses from what was seen since the last time. */
struct pw_error *record_keep_take(struct record_keep *keep);
/* Whether more is held than --max-memory allows. */
bool record_keep_is_full(const struct record_keep *keep);
/* Says what was asked for and was never seen. */
void record_keep_note(const struct record_keep *keep);
void record_keep_deinit(struct record_keep *keep);

#endif
