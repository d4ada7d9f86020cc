/* Tables of a profile: which rows, in which order. */
#include "sample/report.h"

#include <stdlib.h>
#include <string.h>

/* ---- reports ---- */

static struct pw_error *check_options(const struct pw_report_options *options)
{
	if (options->size != sizeof(*options))
		return pw_error_create(PW_ERROR_USAGE, "options of %zu bytes; they have %zu here",
				       options->size, sizeof(*options));
	const char *table = pw_report_table_name(options->table),
		   *by = pw_report_by_name(options->by);
	if (!table || !by)
		return pw_error_create(PW_ERROR_USAGE, "no table %d by %d", (int)options->table,
				       (int)options->by);
	if (options->table > PW_REPORT_CUMULATIVE && options->by >= PW_REPORT_BY_THREAD)
		return pw_error_create(PW_ERROR_USAGE,
				       "there is no table \"%s\" by %s: only flat and cumulative "
				       "ones",
				       table, by);
	if (options->table == PW_REPORT_TREE && options->function)
		return pw_error_create(PW_ERROR_USAGE,
				       "functions are chosen of tables, not of trees: include only "
				       "samples with them instead");
	if (!(options->threshold >= 0 && options->threshold <= 100))
		return pw_error_create(PW_ERROR_USAGE,
				       "a threshold of %g: percent, from 0 to 100, were expected",
				       options->threshold);
	return NULL;
}

struct pw_error *pw_report_new(const struct pw_profile *profile,
			       const struct pw_report_options *options, struct pw_report **ret)
{
	struct pw_error *error = check_options(options);
	struct pw_report *report = error ? NULL : calloc(1, sizeof(*report));
	if (!report)
		return error ? error : &pw_error_nomem;
	report->profile = profile;
	report->options = *options;
	*ret = report;
	return NULL;
}

struct pw_error *pw_report_add(struct pw_report *report, const struct pw_report_row *row)
{
	if (report->count == report->capacity) {
		size_t capacity = report->capacity ? report->capacity * 2 : 64;
		struct pw_report_row *rows = realloc(report->rows, capacity * sizeof(*rows));
		if (!rows)
			return &pw_error_nomem;
		report->rows = rows;
		report->capacity = capacity;
	}
	report->rows[report->count++] = *row;
	return NULL;
}

void pw_report_destroy(struct pw_report *report)
{
	if (!report)
		return;
	free(report->rows);
	free(report);
}

/* ---- lists of subjects ---- */

/* A subject and what it is listed by. */
struct item {
	uint32_t subject;
	struct pw_report_cost cost;
};

/* Equal ones in the order of their numbers, so that the same profile makes the same table. */
static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int order = pw_report_cost_compare(x->cost, y->cost);
	return order ? order : x->subject < y->subject ? -1 : x->subject > y->subject;
}

/* Sorts, and leaves out what limit and threshold do not allow; how many remain. */
static size_t choose(struct pw_report *report, struct item *items, size_t count)
{
	size_t kept = 0;
	qsort(items, count, sizeof(*items), compare_items);
	while (kept < count && (!report->options.limit || kept < report->options.limit) &&
	       pw_report_share(items[kept].cost, report->total) * 100 >= report->options.threshold)
		kept++;
	report->left_out += count - kept;
	return kept;
}

static const char *text_of(const struct pw_report_row *subject)
{
	if (subject->thread)
		return subject->thread->name	      ? subject->thread->name
		       : subject->thread->kernel_name ? subject->thread->kernel_name
						      : "";
	if (subject->process)
		return subject->process->command ? subject->process->command : "";
	return subject->name	 ? subject->name
	       : subject->file	 ? subject->file
	       : subject->module ? subject->module
				 : "";
}

/* The subjects that the user wants, in the order of the table. */
static struct pw_error *list_subjects(struct pw_report *report, const struct pw_costs *costs,
				      struct item **ret, size_t *ret_count)
{
	struct pw_patterns wanted;
	const struct pw_texts texts = {&report->options.function, report->options.function ? 1 : 0};
	struct item *items = malloc((costs->count + 1) * sizeof(*items));
	struct pw_error *error =
		items ? pw_patterns_init(&wanted, "--function", &texts) : &pw_error_nomem;
	if (error) {
		if (items)
			pw_patterns_deinit(&wanted);
		free(items);
		return error;
	}
	size_t count = 0;
	for (size_t i = 0; i < costs->count; i++) {
		const struct pw_report_row *s = &costs->subjects[i];
		struct pw_report_cost cost =
			report->options.table == PW_REPORT_FLAT ? s->self : s->total;
		if (cost.samples && (!texts.count || pw_patterns_match(&wanted, text_of(s))))
			items[count++] = (struct item){(uint32_t)i, cost};
	}
	pw_patterns_deinit(&wanted);
	*ret_count = choose(report, items, count);
	*ret = items;
	return NULL;
}

/* ---- callers and callees ---- */

enum { NOWHERE = UINT32_MAX };

/*
 * What the callers of a subject have of its total: of each stack, the caller of the outermost call
 * counts.  `state` has, by node, whether the subject is there or above.
 */
static void add_callers(const struct pw_costs *costs, uint32_t subject, uint32_t *state,
			struct pw_report_cost *edges)
{
	state[0] = 0;
	for (size_t i = 1; i < pw_profile_node_count(costs->profile); i++) {
		uint32_t parent = pw_profile_node(costs->profile, i)->parent;
		state[i] = state[parent];
		if (state[i] || costs->of_node[i] != subject)
			continue;
		state[i] = 1;
		/* The root's subject is 0: nobody. */
		pw_report_cost_add(&edges[costs->of_node[parent]], costs->node_total[i]);
	}
}

/*
 * What of a subject's total went to those that it called: of each stack, what the innermost call
 * called counts.  `state` has, by node, that callee's subject, the subject itself where it is on
 * top, or NOWHERE.
 */
static void add_callees(const struct pw_costs *costs, uint32_t subject, uint32_t *state,
			struct pw_report_cost *edges)
{
	state[0] = NOWHERE;
	for (size_t i = 1; i < pw_profile_node_count(costs->profile); i++) {
		uint32_t parent = pw_profile_node(costs->profile, i)->parent;
		uint32_t own = costs->of_node[i];
		state[i] = own == subject || state[parent] == subject ? own : state[parent];
		if (state[i] != NOWHERE && state[i] != subject)
			pw_report_cost_add(&edges[state[i]], costs->node_self[i]);
	}
}

/* The rows below a function; `edges` and `items` have room for all subjects. */
static struct pw_error *add_edges(struct pw_report *report, const struct pw_costs *costs,
				  uint32_t subject, uint32_t *state, struct pw_report_cost *edges,
				  struct item *items)
{
	struct pw_error *error = NULL;
	size_t count = 0;
	memset(edges, 0, costs->count * sizeof(*edges));
	if (report->options.table == PW_REPORT_CALLERS)
		add_callers(costs, subject, state, edges);
	else
		add_callees(costs, subject, state, edges);
	for (size_t i = 0; i < costs->count; i++)
		if (edges[i].samples)
			items[count++] = (struct item){(uint32_t)i, edges[i]};
	count = choose(report, items, count);
	for (size_t i = 0; !error && i < count; i++) {
		struct pw_report_row row = costs->subjects[items[i].subject];
		row.level = 1;
		row.self = (struct pw_report_cost){0};
		row.total = items[i].cost;
		error = pw_report_add(report, &row);
	}
	return error;
}

static struct pw_error *add_graph(struct pw_report *report, const struct pw_costs *costs,
				  const struct item *chosen, size_t count)
{
	uint32_t *state = calloc(pw_profile_node_count(costs->profile), sizeof(*state));
	struct pw_report_cost *edges = calloc(costs->count + 1, sizeof(*edges));
	struct item *items = calloc(costs->count + 1, sizeof(*items));
	struct pw_error *error = state && edges && items ? NULL : &pw_error_nomem;
	for (size_t i = 0; !error && i < count; i++) {
		/* Nobody calls what has no stack. */
		if (!costs->subjects[chosen[i].subject].name &&
		    !costs->subjects[chosen[i].subject].file &&
		    !costs->subjects[chosen[i].subject].module)
			continue;
		error = pw_report_add(report, &costs->subjects[chosen[i].subject]);
		if (!error)
			error = add_edges(report, costs, chosen[i].subject, state, edges, items);
	}
	free(state);
	free(edges);
	free(items);
	return error;
}

/* ---- the whole ---- */

static struct pw_error *fill(struct pw_report *report, const struct pw_costs *costs)
{
	struct item *items;
	size_t count;
	report->total = costs->total;
	if (report->options.table == PW_REPORT_TREE)
		return pw_report_add_tree(report, costs);
	struct pw_error *error = list_subjects(report, costs, &items, &count);
	if (error)
		return error;
	if (report->options.table == PW_REPORT_FLAT ||
	    report->options.table == PW_REPORT_CUMULATIVE) {
		for (size_t i = 0; !error && i < count; i++)
			error = pw_report_add(report, &costs->subjects[items[i].subject]);
	} else {
		error = add_graph(report, costs, items, count);
	}
	free(items);
	return error;
}

struct pw_error *pw_report_create(const struct pw_profile *profile,
				  const struct pw_report_options *options, struct pw_report **ret)
{
	struct pw_report *report;
	struct pw_costs costs;
	struct pw_error *error = pw_report_new(profile, options, &report);
	if (error)
		return error;
	error = pw_costs_init(&costs, profile, options->by, false);
	if (!error)
		error = fill(report, &costs);
	pw_costs_deinit(&costs);
	if (error) {
		pw_report_destroy(report);
		return error;
	}
	*ret = report;
	return NULL;
}

/* ---- reading ---- */

enum pw_report_table pw_report_table(const struct pw_report *report)
{
	return report->options.table;
}

enum pw_report_by pw_report_by(const struct pw_report *report)
{
	return report->options.by;
}

size_t pw_report_row_count(const struct pw_report *report)
{
	return report->count;
}

const struct pw_report_row *pw_report_row(const struct pw_report *report, size_t index)
{
	return &report->rows[index];
}

size_t pw_report_left_out(const struct pw_report *report)
{
	return report->left_out;
}

struct pw_report_cost pw_report_total(const struct pw_report *report)
{
	return report->total;
}

const struct pw_profile *pw_report_before(const struct pw_report *report)
{
	return report->before;
}

struct pw_report_cost pw_report_total_before(const struct pw_report *report)
{
	return report->total_before;
}

const struct pw_profile *pw_report_profile(const struct pw_report *report)
{
	return report->profile;
}

const char *pw_report_table_name(enum pw_report_table table)
{
	static const char *const names[] = {"flat", "cumulative", "callers", "callees", "tree"};
	return (size_t)table < sizeof(names) / sizeof(names[0]) ? names[table] : NULL;
}

const char *pw_report_by_name(enum pw_report_by by)
{
	static const char *const names[] = {"function", "line",	  "file",
					    "module",	"thread", "process"};
	return (size_t)by < sizeof(names) / sizeof(names[0]) ? names[by] : NULL;
}
