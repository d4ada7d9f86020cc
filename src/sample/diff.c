/* What has changed from one profile to another. */
#include "sample/report.h"

#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A row by what it is called: profiles number and keep their texts on their own. */
struct pair {
	UT_hash_handle hh;
	struct pw_report_row row;
	size_t order; /* of rows that changed alike */
	char key[];
};

struct pairs {
	struct pair *all;
	struct pair **sorted;
	size_t count;
};

static void append_text(struct pw_buffer *b, const char *text)
{
	pw_buffer_append_char(b, text ? 't' : '-');
	pw_buffer_append(b, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void append_key(struct pw_buffer *b, const struct pw_report_row *row)
{
	if (row->thread) {
		append_text(b, row->thread->name ? row->thread->name : row->thread->kernel_name);
		return;
	}
	if (row->process) {
		append_text(b, row->process->command ? row->process->command
						     : row->process->executable);
		return;
	}
	append_text(b, row->name);
	append_text(b, row->file);
	append_text(b, row->module);
	pw_buffer_append_number(b, row->name ? (uint64_t)row->kind : 0, 0);
	pw_buffer_append_char(b, ' ');
	pw_buffer_append_number(b, (uint64_t)(int64_t)row->line, 0);
}

static struct pw_error *find_pair(struct pairs *pairs, const struct pw_report_row *row,
				  struct pair **ret)
{
	pw_auto_buffer struct pw_buffer key = {0};
	struct pair *pair;
	append_key(&key, row);
	if (key.failed)
		return &pw_error_nomem;
	HASH_FIND(hh, pairs->all, key.data, key.length, pair);
	if (!pair) {
		pair = calloc(1, sizeof(*pair) + key.length);
		if (!pair)
			return &pw_error_nomem;
		memcpy(pair->key, key.data, key.length);
		HASH_ADD(hh, pairs->all, key, key.length, pair);
		if (!pair->hh.tbl) {
			free(pair);
			return &pw_error_nomem;
		}
		pair->row = *row;
		pair->row.self = pair->row.total = (struct pw_report_cost){0};
		pair->order = pairs->count++;
	}
	*ret = pair;
	return NULL;
}

static struct pw_error *add_all(struct pairs *pairs, const struct pw_costs *costs, bool before)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < costs->count; i++) {
		const struct pw_report_row *row = &costs->subjects[i];
		struct pair *pair;
		if (!row->total.samples)
			continue;
		error = find_pair(pairs, row, &pair);
		if (error)
			break;
		pw_report_cost_add(before ? &pair->row.self_before : &pair->row.self, row->self);
		pw_report_cost_add(before ? &pair->row.total_before : &pair->row.total, row->total);
	}
	return error;
}

/* ---- order ---- */

/* In percentage points. */
static double change(const struct pw_report *report, const struct pw_report_row *row)
{
	bool self = report->options.table == PW_REPORT_FLAT;
	return 100 *
	       (pw_report_share(self ? row->self : row->total, report->total) -
		pw_report_share(self ? row->self_before : row->total_before, report->total_before));
}

static int compare_pairs(const void *a, const void *b, void *data)
{
	const struct pair *x = *(struct pair *const *)a, *y = *(struct pair *const *)b;
	double of_x = change(data, &x->row), of_y = change(data, &y->row);
	double size_x = of_x < 0 ? -of_x : of_x, size_y = of_y < 0 ? -of_y : of_y;
	if (size_x != size_y)
		return size_x > size_y ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_wanted(const struct pw_report *report, const struct pw_report_row *row,
		      const struct pw_patterns *wanted)
{
	const char *text = row->name	 ? row->name
			   : row->file	 ? row->file
			   : row->module ? row->module
					 : "";
	/* A self share says nothing about those that never were on top. */
	if (report->options.table == PW_REPORT_FLAT && !row->self.samples &&
	    !row->self_before.samples)
		return false;
	return !wanted->count || pw_patterns_match(wanted, text);
}

static struct pw_error *list(struct pw_report *report, struct pairs *pairs,
			     const struct pw_patterns *wanted)
{
	struct pw_error *error = NULL;
	size_t count = 0;
	pairs->sorted = calloc(pairs->count + 1, sizeof(struct pair *));
	if (!pairs->sorted)
		return &pw_error_nomem;
	for (struct pair *pair = pairs->all; pair; pair = pair->hh.next)
		if (is_wanted(report, &pair->row, wanted))
			pairs->sorted[count++] = pair;
	qsort_r(pairs->sorted, count, sizeof(struct pair *), compare_pairs, report);
	for (size_t i = 0; !error && i < count; i++) {
		double size = change(report, &pairs->sorted[i]->row);
		if ((report->options.limit && i >= report->options.limit) ||
		    (size < 0 ? -size : size) < report->options.threshold)
			report->left_out++;
		else
			error = pw_report_add(report, &pairs->sorted[i]->row);
	}
	return error;
}

static struct pw_error *compare(struct pw_report *report, struct pairs *pairs)
{
	struct pw_costs a, b = {0};
	struct pw_patterns wanted = {0};
	const struct pw_texts texts = {&report->options.function, report->options.function ? 1 : 0};
	struct pw_error *error = pw_costs_init(&a, report->before, report->options.by, true);
	if (!error)
		error = pw_costs_init(&b, report->profile, report->options.by, true);
	if (!error)
		error = pw_patterns_init(&wanted, "--function", &texts);
	report->total_before = a.total;
	report->total = b.total;
	/* Rows that are in both name what the second has. */
	if (!error)
		error = add_all(pairs, &b, false);
	if (!error)
		error = add_all(pairs, &a, true);
	if (!error)
		error = list(report, pairs, &wanted);
	pw_patterns_deinit(&wanted);
	pw_costs_deinit(&a);
	pw_costs_deinit(&b);
	return error;
}

struct pw_error *pw_report_compare(const struct pw_profile *before, const struct pw_profile *after,
				   const struct pw_report_options *options, struct pw_report **ret)
{
	struct pw_report *report;
	struct pairs pairs = {0};
	struct pair *pair, *next;
	enum pw_profile_clock a = pw_profile_info(before)->clock, b = pw_profile_info(after)->clock;
	if (a != b)
		return pw_error_create(PW_ERROR_USAGE,
				       "%s time and %s time cannot be compared: record both with "
				       "one clock",
				       pw_profile_clock_name(a), pw_profile_clock_name(b));
	if (options->table > PW_REPORT_CUMULATIVE)
		return pw_error_create(PW_ERROR_USAGE,
				       "comparisons are flat or cumulative, there is no other "
				       "table of them");
	struct pw_error *error = pw_report_new(after, options, &report);
	if (error)
		return error;
	report->before = before;
	error = compare(report, &pairs);
	free(pairs.sorted);
	HASH_ITER (hh, pairs.all, pair, next) {
		HASH_DEL(pairs.all, pair);
		free(pair);
	}
	if (error) {
		pw_report_destroy(report);
		return error;
	}
	*ret = report;
	return NULL;
}
