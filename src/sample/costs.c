/* Adds up what each function, line, file, module, thread or process of a profile took. */
#include "sample/report.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct pw_subject_key {
	uint64_t words[5];
	uint32_t index;
	UT_hash_handle hh;
};

void pw_report_cost_add(struct pw_report_cost *to, struct pw_report_cost cost)
{
	to->samples += cost.samples;
	to->time = to->time > UINT64_MAX - cost.time ? UINT64_MAX : to->time + cost.time;
}

void pw_report_cost_subtract(struct pw_report_cost *from, struct pw_report_cost cost)
{
	from->samples -= cost.samples < from->samples ? cost.samples : from->samples;
	from->time -= cost.time < from->time ? cost.time : from->time;
}

int pw_report_cost_compare(struct pw_report_cost a, struct pw_report_cost b)
{
	if (a.time != b.time)
		return a.time > b.time ? -1 : 1;
	return a.samples > b.samples ? -1 : a.samples < b.samples;
}

double pw_report_share(struct pw_report_cost cost, struct pw_report_cost total)
{
	if (total.time)
		return (double)cost.time / (double)total.time;
	return total.samples ? (double)cost.samples / (double)total.samples : 0;
}

/* ---- subjects ---- */

static struct pw_error *add_subject(struct pw_costs *costs, const struct pw_report_row *row)
{
	if (costs->count == costs->capacity) {
		size_t capacity = costs->capacity ? costs->capacity * 2 : 64;
		struct pw_report_row *subjects =
			realloc(costs->subjects, capacity * sizeof(*subjects));
		if (!subjects)
			return &pw_error_nomem;
		costs->subjects = subjects;
		costs->capacity = capacity;
	}
	costs->subjects[costs->count++] = *row;
	return NULL;
}

/* Texts of a profile are kept once, and count by their address. */
static uint64_t number_of(const char *text)
{
	return (uint64_t)(uintptr_t)text;
}

static void describe(const struct pw_profile *profile, const struct pw_profile_frame *frame,
		     enum pw_report_by by, bool loose, struct pw_report_row *row,
		     struct pw_subject_key *key)
{
	const struct pw_profile_function *f = pw_profile_function(profile, frame->function);
	*row = (struct pw_report_row){.kind = f->kind};
	memset(key, 0, sizeof(*key));
	switch (by) {
	case PW_REPORT_BY_FILE:
		row->file = f->file ? f->file : "";
		key->words[0] = number_of(f->file);
		return;
	case PW_REPORT_BY_MODULE:
		row->module = f->module					? f->module
			      : f->kind == PW_PROFILE_PYTHON && f->file ? f->file
									: "";
		key->words[0] = row->module[0] ? number_of(row->module) : 0;
		return;
	default:
		break;
	}
	row->name = f->name;
	row->file = f->file;
	row->module = f->module;
	row->line = by == PW_REPORT_BY_LINE ? frame->line : loose ? 0 : f->first_line;
	const struct pw_subject_key full = {
		.words = {number_of(f->name), number_of(f->file), number_of(f->module),
			  (uint64_t)row->line << 2 | f->kind, loose ? 0 : frame->function + 1ull}};
	*key = full;
}

static struct pw_error *subject_of_frame(struct pw_costs *costs,
					 const struct pw_profile_frame *frame, enum pw_report_by by,
					 bool loose, uint32_t *ret)
{
	struct pw_report_row row;
	struct pw_subject_key key, *found;
	describe(costs->profile, frame, by, loose, &row, &key);
	HASH_FIND(hh, costs->keys, key.words, sizeof(key.words), found);
	if (found) {
		*ret = found->index;
		return NULL;
	}
	found = malloc(sizeof(*found));
	if (!found)
		return &pw_error_nomem;
	*found = key;
	found->index = (uint32_t)costs->count;
	HASH_ADD(hh, costs->keys, words, sizeof(found->words), found);
	if (!found->hh.tbl) {
		free(found);
		return &pw_error_nomem;
	}
	*ret = found->index;
	return add_subject(costs, &row);
}

/* ---- threads and processes ---- */

static struct pw_error *cost_threads(struct pw_costs *costs, bool processes)
{
	const struct pw_profile *profile = costs->profile;
	struct pw_error *error = NULL;
	size_t count =
		processes ? pw_profile_process_count(profile) : pw_profile_thread_count(profile);
	for (size_t i = 0; !error && i < count; i++) {
		struct pw_report_row row = {0};
		row.thread = processes ? NULL : pw_profile_thread(profile, i);
		row.process = pw_profile_process(profile, processes ? i : row.thread->process);
		error = add_subject(costs, &row);
	}
	for (size_t i = 0; !error && i < pw_profile_sample_count(profile); i++) {
		const struct pw_profile_sample *s = pw_profile_sample(profile, i);
		size_t index =
			processes ? pw_profile_thread(profile, s->thread)->process : s->thread;
		const struct pw_report_cost cost = {1, s->weight};
		pw_report_cost_add(&costs->subjects[index].self, cost);
		pw_report_cost_add(&costs->subjects[index].total, cost);
		pw_report_cost_add(&costs->total, cost);
	}
	return error;
}

/* ---- stacks ---- */

/* The children of each node, as lists. */
struct children {
	uint32_t *first, *next;
};

/*
 * A subject's total are the nodes that are its outermost ones in their stacks: recursion counts
 * once.  Walks down the tree and knows how often each subject is above.
 */
static void add_totals(struct pw_costs *costs, const struct children *children, uint32_t *above)
{
	uint32_t at = 0;
	for (;;) {
		uint32_t subject = costs->of_node[at];
		if (at && !above[subject]++)
			pw_report_cost_add(&costs->subjects[subject].total, costs->node_total[at]);
		if (children->first[at]) {
			at = children->first[at];
			continue;
		}
		for (;;) {
			if (at)
				above[costs->of_node[at]]--;
			if (!at)
				return;
			if (children->next[at])
				break;
			at = pw_profile_node(costs->profile, at)->parent;
		}
		at = children->next[at];
	}
}

static struct pw_error *cost_totals(struct pw_costs *costs)
{
	size_t nodes = pw_profile_node_count(costs->profile);
	struct children children = {calloc(nodes, sizeof(uint32_t)),
				    calloc(nodes, sizeof(uint32_t))};
	uint32_t *above = calloc(costs->count, sizeof(*above));
	struct pw_error *error = children.first && children.next && above ? NULL : &pw_error_nomem;
	for (size_t i = nodes - 1; !error && i > 0; i--) {
		uint32_t parent = pw_profile_node(costs->profile, i)->parent;
		children.next[i] = children.first[parent];
		children.first[parent] = (uint32_t)i;
	}
	if (!error)
		add_totals(costs, &children, above);
	free(children.first);
	free(children.next);
	free(above);
	return error;
}

static void cost_nodes(struct pw_costs *costs)
{
	const struct pw_profile *profile = costs->profile;
	for (size_t i = 0; i < pw_profile_sample_count(profile); i++) {
		const struct pw_profile_sample *s = pw_profile_sample(profile, i);
		const struct pw_report_cost cost = {1, s->weight};
		pw_report_cost_add(&costs->node_self[s->node], cost);
		pw_report_cost_add(&costs->subjects[costs->of_node[s->node]].self, cost);
		pw_report_cost_add(&costs->total, cost);
	}
	/* A node comes after its parent. */
	for (size_t i = pw_profile_node_count(profile); i-- > 0;) {
		pw_report_cost_add(&costs->node_total[i], costs->node_self[i]);
		if (i)
			pw_report_cost_add(&costs->node_total[pw_profile_node(profile, i)->parent],
					   costs->node_total[i]);
	}
	costs->subjects[0].total = costs->subjects[0].self;
}

static struct pw_error *cost_stacks(struct pw_costs *costs, enum pw_report_by by, bool loose)
{
	static const struct pw_report_row no_stack;
	const struct pw_profile *profile = costs->profile;
	size_t nodes = pw_profile_node_count(profile), frames = pw_profile_frame_count(profile);
	uint32_t *of_frame = calloc(frames + 1, sizeof(*of_frame));
	costs->of_node = calloc(nodes, sizeof(*costs->of_node));
	costs->node_self = calloc(nodes, sizeof(*costs->node_self));
	costs->node_total = calloc(nodes, sizeof(*costs->node_total));
	struct pw_error *error = of_frame && costs->of_node && costs->node_self && costs->node_total
					 ? add_subject(costs, &no_stack)
					 : &pw_error_nomem;
	for (size_t i = 0; !error && i < frames; i++)
		error = subject_of_frame(costs, pw_profile_frame(profile, i), by, loose,
					 &of_frame[i]);
	if (!error) {
		for (size_t i = 1; i < nodes; i++)
			costs->of_node[i] = of_frame[pw_profile_node(profile, i)->frame];
		cost_nodes(costs);
		error = cost_totals(costs);
	}
	free(of_frame);
	return error;
}

struct pw_error *pw_costs_init(struct pw_costs *costs, const struct pw_profile *profile,
			       enum pw_report_by by, bool loose)
{
	*costs = (struct pw_costs){.profile = profile};
	if (by == PW_REPORT_BY_THREAD || by == PW_REPORT_BY_PROCESS)
		return cost_threads(costs, by == PW_REPORT_BY_PROCESS);
	return cost_stacks(costs, by, loose);
}

void pw_costs_deinit(struct pw_costs *costs)
{
	struct pw_subject_key *key, *next;
	HASH_ITER (hh, costs->keys, key, next) {
		HASH_DEL(costs->keys, key);
		free(key);
	}
	free(costs->subjects);
	free(costs->of_node);
	free(costs->node_self);
	free(costs->node_total);
	*costs = (struct pw_costs){0};
}
