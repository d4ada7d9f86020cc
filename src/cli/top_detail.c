/* One function: its callers, its lines, and what it called. */
#include "cli/top.h"

#include <stdlib.h>
#include <string.h>

static bool equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static uint32_t find(const struct pw_profile *profile, const struct top_function *wanted)
{
	for (size_t i = 0; i < pw_profile_function_count(profile); i++) {
		const struct pw_profile_function *f = pw_profile_function(profile, i);
		if (f->kind == wanted->kind && f->first_line == wanted->first_line &&
		    equal(f->name, wanted->name) && equal(f->file, wanted->file) &&
		    equal(f->module, wanted->module))
			return (uint32_t)i;
	}
	return TOP_NONE;
}

/* Sums by number of the function or frame; the one behind the last is of nothing. */
struct sums {
	uint64_t *own, *total;
	size_t count;
};

static bool sums_init(struct sums *sums, size_t count)
{
	sums->count = count;
	sums->own = calloc(count + 1, sizeof(*sums->own));
	sums->total = calloc(count + 1, sizeof(*sums->total));
	return sums->own && sums->total;
}

static void sums_deinit(struct sums *sums)
{
	free(sums->own);
	free(sums->total);
}

static void add(struct sums *sums, uint32_t index, uint64_t own, uint64_t total)
{
	size_t at = index < sums->count ? index : sums->count;
	sums->own[at] += own;
	sums->total[at] += total;
}

struct build {
	const struct top_model *model;
	uint32_t function;
	struct top_detail *detail;
	struct sums callers, lines, callees;
	uint32_t *seen; /* of frames: the number of the cell that was added last, from 1 */
};

static uint32_t function_at(const struct pw_profile *profile, uint32_t node)
{
	return pw_profile_frame(profile, pw_profile_node(profile, node)->frame)->function;
}

static void add_cell(struct build *build, size_t number, const struct top_cell *cell,
		     struct pw_report_cost cost)
{
	const struct pw_profile *profile = build->model->profile;
	struct top_detail *d = build->detail;
	uint32_t newer = 0, callee = 0, oldest = 0;
	bool found = false;
	for (uint32_t at = cell->node; at; at = pw_profile_node(profile, at)->parent) {
		uint32_t frame = pw_profile_node(profile, at)->frame;
		if (pw_profile_frame(profile, frame)->function == build->function) {
			bool again = build->seen[frame] == number + 1;
			build->seen[frame] = (uint32_t)number + 1;
			add(&build->lines, frame, newer ? 0 : cost.time, again ? 0 : cost.time);
			callee = found ? callee : newer;
			oldest = at;
			found = true;
		}
		newer = at;
	}
	if (!found)
		return;
	uint32_t caller = pw_profile_node(profile, oldest)->parent;
	d->row.total += cost.time;
	d->row.own += callee ? 0 : cost.time;
	d->row.gil += cell->flags & PW_SAMPLE_GIL ? cost.time : 0;
	add(&build->callers, caller ? function_at(profile, caller) : TOP_NONE, 0, cost.time);
	add(&build->callees, callee ? function_at(profile, callee) : TOP_NONE, 0, cost.time);
}

static int compare(const void *a, const void *b)
{
	const struct top_row *x = a, *y = b;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->text, y->text);
}

static char *text_of(const struct pw_profile *profile, bool lines, uint32_t index)
{
	const struct pw_profile_frame *frame = lines ? pw_profile_frame(profile, index) : NULL;
	return top_function_text(pw_profile_function(profile, frame ? frame->function : index),
				 frame ? frame->line : 0);
}

/* `none` is what a row of nothing means. */
static bool finish(const struct pw_profile *profile, const struct sums *sums, bool lines,
		   const char *none, struct top_table *table)
{
	size_t used = 0;
	for (size_t i = 0; i <= sums->count; i++)
		used += sums->total[i] != 0;
	table->rows = calloc(used + 1, sizeof(*table->rows));
	if (!table->rows)
		return false;
	for (size_t i = 0; i <= sums->count; i++) {
		if (!sums->total[i])
			continue;
		struct top_row *row = &table->rows[table->count];
		*row = (struct top_row){.index = i < sums->count ? (uint32_t)i : TOP_NONE,
					.own = sums->own[i],
					.total = sums->total[i],
					.where = TOP_NONE,
					.kind = TOP_ROW_OTHER};
		row->text = i < sums->count ? text_of(profile, lines, (uint32_t)i) : strdup(none);
		if (!row->text)
			return false;
		table->count++;
	}
	qsort(table->rows, table->count, sizeof(*table->rows), compare);
	return true;
}

static bool build_all(struct build *build, const struct top_query *query)
{
	const struct top_model *model = build->model;
	const struct pw_profile *profile = model->profile;
	struct top_detail *d = build->detail;
	size_t functions = pw_profile_function_count(profile);
	size_t frames = pw_profile_frame_count(profile);
	build->seen = calloc(frames + 1, sizeof(*build->seen));
	if (!build->seen || !sums_init(&build->callers, functions) ||
	    !sums_init(&build->lines, frames) || !sums_init(&build->callees, functions))
		return false;
	for (size_t i = 0; i < model->count; i++) {
		const struct top_cell *cell = &model->cells[i];
		struct pw_report_cost cost = query->since_start ? cell->all : cell->window;
		if ((cell->flags & query->flags) == query->flags && cost.samples)
			add_cell(build, i, cell, cost);
	}
	return finish(profile, &build->callers, false, "(nobody: its thread begins here)",
		      &d->callers) &&
	       finish(profile, &build->lines, true, "", &d->lines) &&
	       finish(profile, &build->callees, false, "(itself)", &d->callees);
}

bool top_detail(const struct top_model *model, const struct top_query *query,
		const struct top_function *function, struct top_detail *ret)
{
	const struct pw_profile_function wanted = {function->kind, function->name, function->file,
						   function->module, function->first_line};
	uint64_t elapsed = query->since_start ? model->all : model->window;
	*ret = (struct top_detail){.row = {.index = TOP_NONE}};
	ret->callers.elapsed = ret->lines.elapsed = ret->callees.elapsed = elapsed;
	ret->row.text = top_function_text(&wanted, 0);
	bool good = ret->row.text;
	struct build build = {.model = model, .detail = ret};
	if (good && model->profile)
		ret->row.index = build.function = find(model->profile, function);
	if (good && ret->row.index != TOP_NONE)
		good = build_all(&build, query);
	free(build.seen);
	sums_deinit(&build.callers);
	sums_deinit(&build.lines);
	sums_deinit(&build.callees);
	if (!good)
		top_detail_deinit(ret);
	return good;
}

void top_detail_deinit(struct top_detail *detail)
{
	free(detail->row.text);
	detail->row.text = NULL;
	top_table_deinit(&detail->callers);
	top_table_deinit(&detail->lines);
	top_table_deinit(&detail->callees);
}
