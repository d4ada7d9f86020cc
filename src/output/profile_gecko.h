/*
 * The tables of one thread in the format "gecko": which of the profile's nodes, frames, functions
 * and texts its samples use, and in which row each stands.  Used for one thread after the other.
 */
#ifndef PW_OUTPUT_PROFILE_GECKO_H
#define PW_OUTPUT_PROFILE_GECKO_H

#include "output/profile_tracks.h"

enum { PW_GECKO_NAME, PW_GECKO_FILE, PW_GECKO_MODULE, PW_GECKO_TEXTS };
#define PW_GECKO_NONE UINT32_MAX

/* Which items have rows. */
struct pw_gecko_rows {
	uint32_t *rows;	 /* of an item: its row + 1; 0: none */
	uint32_t *items; /* of a row */
	size_t count;
};

struct pw_gecko_tables {
	const struct pw_profile *profile;
	const char **texts; /* each once; of all threads */
	uint32_t *text_of;  /* PW_GECKO_TEXTS of each function: index of `texts`, or NONE */
	struct pw_gecko_rows nodes, frames, functions, strings;
	struct pw_gecko_rows modules; /* by text */
};

struct pw_error *pw_gecko_tables_init(struct pw_gecko_tables *tables,
				      const struct pw_profile *profile);
void pw_gecko_tables_deinit(struct pw_gecko_tables *tables);

/* What these samples use, and nothing else; a node's row is behind its caller's. */
void pw_gecko_tables_fill(struct pw_gecko_tables *tables, const uint32_t *samples, size_t count);

/* Of an item that has one. */
static inline uint32_t pw_gecko_row(const struct pw_gecko_rows *rows, uint32_t item)
{
	return rows->rows[item] - 1;
}
static inline uint32_t pw_gecko_string(const struct pw_gecko_tables *tables, uint32_t function,
				       unsigned which)
{
	return tables->text_of[(size_t)function * PW_GECKO_TEXTS + which];
}

#endif
