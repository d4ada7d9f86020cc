/* The tables of a profile, for the recording that writes and reads them.  Private to sample/. */
#ifndef PW_SAMPLE_PROFILE_H
#define PW_SAMPLE_PROFILE_H

#include "base/error.h"
#include "pywalk_profile.h"

/* A table that grows; entries of `size` bytes. */
struct pw_table {
	void *items;
	size_t count, capacity, size;
};

struct pw_profile_text;	 /* a text that is kept once */
struct pw_profile_entry; /* where an entry stands, by what it is */

struct pw_profile {
	struct pw_profile_info info;
	struct pw_table processes, threads, functions, frames, nodes, samples;
	struct pw_profile_text *texts;
	size_t text_bytes; /* of all of them */
	struct pw_profile_entry *entries;
	uint64_t last_time; /* of the sample that was added last */
};

#endif
