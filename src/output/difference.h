/* The stacks of two profiles as one tree: what the formats of differences have in common.  Threads
 * are left out: other runs have others. */
#ifndef PW_OUTPUT_DIFFERENCE_H
#define PW_OUTPUT_DIFFERENCE_H

#include "pywalk_report.h"

/* Of one side: 0 before, 1 after. */
struct pw_difference_side {
	uint64_t *counts, *times; /* by node: its samples, and the sum of their weights */
	uint64_t count, time;	  /* of all; sums that are too large stay at the largest number */
};

struct pw_difference {
	struct pw_profile *both; /* the stacks of both, with what two runs have in common */
	size_t nodes;
	struct pw_difference_side sides[2];
};

struct pw_error *pw_difference_init(struct pw_difference *difference,
				    const struct pw_profile *before,
				    const struct pw_profile *after);
void pw_difference_deinit(struct pw_difference *difference);

#endif
