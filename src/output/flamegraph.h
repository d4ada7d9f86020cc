/* The page of the format "flamegraph", in two pieces: before and behind the profile's data.  Made
 * from src/output/flamegraph/ by embed.sh. */
#ifndef PW_OUTPUT_FLAMEGRAPH_H
#define PW_OUTPUT_FLAMEGRAPH_H

#include "output/sink.h"
#include "pywalk_profile.h"

struct pw_flamegraph_page {
	const char *head;
	size_t head_length;
	const char *tail;
	size_t tail_length;
};
extern const struct pw_flamegraph_page pw_flamegraph_page;

/* Of a page about two profiles: its samples are at the times 0 (before) and 1 (after). */
struct pw_flamegraph_difference {
	const char *names[2];
	uint64_t counts[2]; /* samples */
	bool by_samples;    /* weights are numbers of samples, not times */
	bool absolute;	    /* sums are compared, not shares */
};
/* `difference` NULL: a page about one. */
struct pw_error *pw_flamegraph_write(struct pw_sink *sink, const struct pw_profile *profile,
				     const struct pw_flamegraph_difference *difference);

#endif
