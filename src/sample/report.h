/* What tables are made of.  Private to sample/. */
#ifndef PW_SAMPLE_REPORT_H
#define PW_SAMPLE_REPORT_H

#include "sample/pattern.h"

struct pw_report {
	const struct pw_profile *profile, *before; /* before: of a comparison */
	struct pw_report_options options;
	struct pw_report_row *rows;
	size_t count, capacity, left_out;
	struct pw_report_cost total, total_before;
};

struct pw_error *pw_report_new(const struct pw_profile *profile,
			       const struct pw_report_options *options, struct pw_report **ret);
struct pw_error *pw_report_add(struct pw_report *report, const struct pw_report_row *row);
/* Adds; what would be too large stays the largest. */
void pw_report_cost_add(struct pw_report_cost *to, struct pw_report_cost cost);
void pw_report_cost_subtract(struct pw_report_cost *from, struct pw_report_cost cost);
/* The larger first: by time, then by samples.  As for qsort(). */
int pw_report_cost_compare(struct pw_report_cost a, struct pw_report_cost b);

/* ---- what is added up (costs.c) ---- */

/* What rows are about ("subjects"), and what each took.  Subject 0 are the stacks without frames.
 */
struct pw_costs {
	const struct pw_profile *profile;
	struct pw_report_row *subjects; /* self and total are those of the profile */
	size_t count, capacity;
	uint32_t *of_node; /* subject of each node; NULL by thread or process */
	struct pw_report_cost *node_self, *node_total;
	struct pw_report_cost total;
	struct pw_subject_key *keys;
};
/* `loose`: functions are the same wherever they begin. */
struct pw_error *pw_costs_init(struct pw_costs *costs, const struct pw_profile *profile,
			       enum pw_report_by by, bool loose);
void pw_costs_deinit(struct pw_costs *costs);

/* ---- trees (tree.c) ---- */

struct pw_error *pw_report_add_tree(struct pw_report *report, const struct pw_costs *costs);

#endif
