/* The page of the format "flamegraph", in two pieces: before and behind the profile's data.  Made
 * from src/output/flamegraph/ by embed.sh. */
#ifndef PW_OUTPUT_FLAMEGRAPH_H
#define PW_OUTPUT_FLAMEGRAPH_H

#include <stddef.h>

struct pw_flamegraph_page {
	const char *head;
	size_t head_length;
	const char *tail;
	size_t tail_length;
};
extern const struct pw_flamegraph_page pw_flamegraph_page;

#endif
