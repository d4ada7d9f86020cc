/* The tables of what was seen: all cells are gone through, each with its stack. */
#include "cli/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

static char *printable(char *owned)
{
	char *text = owned ? pw_printable(owned) : NULL;
	free(owned);
	return text;
}

char *top_function_text(const struct pw_profile_function *function, int line)
{
	char *text = NULL;
	const char *path = function->file ? function->file : function->module;
	line = line > 0 ? line : function->first_line;
	int length;
	if (path && function->file && line > 0)
		length = asprintf(&text, "%s (%s:%d)", function->name, last_part(path), line);
	else if (path)
		length = asprintf(&text, "%s (%s)", function->name, last_part(path));
	else
		length = asprintf(&text, "%s", function->name);
	return printable(length < 0 ? NULL : text);
}

static char *thread_text(const struct pw_profile *profile, uint32_t index)
{
	const struct pw_profile_thread *thread = pw_profile_thread(profile, index);
	const struct pw_profile_process *process = pw_profile_process(profile, thread->process);
	const char *name = thread->name ? thread->name : thread->kernel_name;
	char *text = NULL;
	int length;
	if (!thread->tid)
		length = asprintf(&text, "%s", name ? name : "?");
	else if ((uint64_t)process->pid == thread->tid || pw_profile_process_count(profile) == 1)
		length = asprintf(&text, "%llu %s", (unsigned long long)thread->tid,
				  name ? name : "?");
	else
		length = asprintf(&text, "%llu %s (of %lld)", (unsigned long long)thread->tid,
				  name ? name : "?", (long long)process->pid);
	return printable(length < 0 ? NULL : text);
}

static enum top_kind kind_of(const struct pw_profile_function *function)
{
	return function->kind == PW_PROFILE_PYTHON   ? TOP_ROW_PYTHON
	       : function->kind == PW_PROFILE_NATIVE ? TOP_ROW_NATIVE
						     : TOP_ROW_OTHER;
}

static char *row_text(const struct pw_profile *profile, enum top_by by, struct top_row *row)
{
	if (row->index == TOP_NONE)
		return strdup("(no stack)");
	if (by == TOP_BY_THREAD) {
		row->kind = TOP_ROW_OTHER;
		return thread_text(profile, row->index);
	}
	const struct pw_profile_frame *frame =
		by == TOP_BY_LINE ? pw_profile_frame(profile, row->index) : NULL;
	const struct pw_profile_function *function =
		pw_profile_function(profile, frame ? frame->function : row->index);
	row->kind = kind_of(function);
	return top_function_text(function, frame ? frame->line : 0);
}

bool top_function_copy(const struct pw_profile_function *function, struct top_function *ret)
{
	*ret = (struct top_function){.kind = function->kind, .first_line = function->first_line};
	ret->name = strdup(function->name);
	ret->file = function->file ? strdup(function->file) : NULL;
	ret->module = function->module ? strdup(function->module) : NULL;
	if (ret->name && !ret->file == !function->file && !ret->module == !function->module)
		return true;
	top_function_deinit(ret);
	return false;
}

void top_function_deinit(struct top_function *function)
{
	free(function->name);
	free(function->file);
	free(function->module);
	*function = (struct top_function){0};
}

/* ---- sums ---- */

/* Of each function, frame or thread by its number; the last one is of samples without a stack. */
struct sums {
	struct sum {
		uint64_t own, total, gil;
		uint32_t where;
		uint64_t seen; /* number of the cell that was added last, from 1 */
		uint64_t where_time;
	} * items;
	size_t count;
};

static bool sums_init(struct sums *sums, size_t count)
{
	sums->items = calloc(count + 1, sizeof(*sums->items));
	sums->count = count;
	return sums->items;
}

static struct sum *sum_of(const struct sums *sums, uint32_t index)
{
	return &sums->items[index < sums->count ? index : sums->count];
}

static struct pw_report_cost cost_of(const struct top_cell *cell, const struct top_query *query)
{
	return query->since_start ? cell->all : cell->window;
}

static bool counts(const struct top_cell *cell, const struct top_query *query)
{
	return (cell->flags & query->flags) == query->flags && cost_of(cell, query).samples;
}

/* Adds to a total, once for each cell. */
static void add_total(struct sum *sum, uint64_t cell, uint64_t time, bool gil)
{
	if (sum->seen == cell)
		return;
	sum->seen = cell;
	sum->total += time;
	sum->gil += gil ? time : 0;
}

static uint32_t number_of(const struct pw_profile *profile, enum top_by by, uint32_t node)
{
	uint32_t frame = pw_profile_node(profile, node)->frame;
	return by == TOP_BY_LINE ? frame : pw_profile_frame(profile, frame)->function;
}

static void add_cell(const struct top_model *model, const struct top_query *query,
		     const struct sums *sums, size_t index)
{
	const struct top_cell *cell = &model->cells[index];
	uint64_t time = cost_of(cell, query).time;
	bool gil = cell->flags & PW_SAMPLE_GIL;
	if (query->by == TOP_BY_THREAD) {
		struct sum *sum = sum_of(sums, cell->thread);
		sum->own += cell->flags & PW_SAMPLE_RUNNING ? time : 0;
		sum->total += time;
		sum->gil += gil ? time : 0;
		sum->seen = index + 1;
		/* Where it mostly is. */
		if (cell->node && time >= sum->where_time) {
			sum->where_time = time;
			sum->where = pw_profile_node(model->profile, cell->node)->frame;
		}
		return;
	}
	if (!cell->node) {
		sum_of(sums, TOP_NONE)->own += time;
		add_total(sum_of(sums, TOP_NONE), index + 1, time, gil);
		return;
	}
	sum_of(sums, number_of(model->profile, query->by, cell->node))->own += time;
	for (uint32_t at = cell->node; at; at = pw_profile_node(model->profile, at)->parent)
		add_total(sum_of(sums, number_of(model->profile, query->by, at)), index + 1, time,
			  gil);
}

/* ---- rows ---- */

void top_table_deinit(struct top_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->rows[i].text);
	free(table->rows);
	*table = (struct top_table){0};
}

static int by_number(uint64_t x, uint64_t y)
{
	return x < y ? 1 : x > y ? -1 : 0;
}

static int compare_rows(const void *a, const void *b, void *data)
{
	const struct top_row *x = a, *y = b;
	const struct top_query *query = data;
	int order = query->sort == TOP_SORT_NAME  ? strcmp(x->text, y->text)
		    : query->sort == TOP_SORT_GIL ? by_number(x->gil, y->gil)
		    : query->sort == TOP_SORT_OWN ? by_number(x->own, y->own)
						  : by_number(x->total, y->total);
	if (order)
		return query->reverse ? -order : order;
	/* The same on every screen, whatever was seen first. */
	order = by_number(x->own, y->own);
	order = order ? order : by_number(x->total, y->total);
	return order ? order : strcmp(x->text, y->text);
}

static bool add_row(struct top_table *table, struct top_row *row, const struct top_query *query)
{
	if (!row->text)
		return false;
	if (query->filter && regexec(query->filter, row->text, 0, NULL, 0) != 0) {
		free(row->text);
		table->hidden++;
		return true;
	}
	table->rows[table->count++] = *row;
	return true;
}

static bool make_rows(const struct pw_profile *profile, const struct top_query *query,
		      const struct sums *sums, struct top_table *ret)
{
	size_t used = 0;
	for (size_t i = 0; i <= sums->count; i++)
		used += sums->items[i].seen != 0;
	ret->rows = calloc(used + 1, sizeof(*ret->rows));
	if (!ret->rows)
		return false;
	for (size_t i = 0; i <= sums->count; i++) {
		const struct sum *sum = &sums->items[i];
		if (!sum->seen)
			continue;
		struct top_row row = {.index = i < sums->count ? (uint32_t)i : TOP_NONE,
				      .own = sum->own,
				      .total = sum->total,
				      .gil = sum->gil,
				      .where = sum->where_time ? sum->where : TOP_NONE,
				      .kind = TOP_ROW_OTHER};
		row.text = row_text(profile, query->by, &row);
		if (!add_row(ret, &row, query))
			return false;
	}
	qsort_r(ret->rows, ret->count, sizeof(*ret->rows), compare_rows, (void *)query);
	return true;
}

static bool summarize(const struct top_model *model, const struct top_query *query,
		      struct top_table *ret)
{
	size_t count = pw_profile_thread_count(model->profile);
	uint64_t *running = calloc(count + 1, sizeof(*running)); /* 1: seen, 2: ran */
	if (!running)
		return false;
	for (size_t i = 0; i < model->count; i++) {
		const struct top_cell *cell = &model->cells[i];
		struct pw_report_cost cost = cost_of(cell, query);
		if (!cost.samples)
			continue;
		bool runs = cell->flags & PW_SAMPLE_RUNNING;
		ret->samples += cost.samples;
		ret->time += cost.time;
		ret->running += runs ? cost.time : 0;
		ret->gil += cell->flags & PW_SAMPLE_GIL ? cost.time : 0;
		running[cell->thread] |= runs ? 3 : 1;
	}
	for (size_t i = 0; i < count; i++) {
		ret->threads += running[i] != 0;
		ret->running_threads += running[i] == 3;
	}
	free(running);
	return true;
}

static size_t count_of(const struct pw_profile *profile, enum top_by by)
{
	return by == TOP_BY_THREAD ? pw_profile_thread_count(profile)
	       : by == TOP_BY_LINE ? pw_profile_frame_count(profile)
				   : pw_profile_function_count(profile);
}

bool top_table(const struct top_model *model, const struct top_query *query, struct top_table *ret)
{
	struct sums sums;
	*ret = (struct top_table){.elapsed = query->since_start ? model->all : model->window};
	if (!model->profile)
		return true;
	if (!sums_init(&sums, count_of(model->profile, query->by)))
		return false;
	for (size_t i = 0; i < model->count; i++)
		if (counts(&model->cells[i], query))
			add_cell(model, query, &sums, i);
	bool good = summarize(model, query, ret) && make_rows(model->profile, query, &sums, ret);
	free(sums.items);
	if (!good)
		top_table_deinit(ret);
	return good;
}
