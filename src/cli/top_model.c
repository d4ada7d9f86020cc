/*
 * What was seen, added up.  Samples that are alike (thread, stack, flags) are one cell, which has
 * two sums: since the start, and in the window.  Slices of the window keep what each cell got in
 * each, so that it can be taken away again.
 */
#include "cli/top.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
	LIMIT = 200000,	 /* of cells and of the profile's tables */
	KEEP_ONE_OF = 4, /* so many cells, when it is moved */
};

struct top_part {
	size_t cell;
	struct pw_report_cost cost;
};

struct top_slice {
	struct top_part *parts;
	size_t count, capacity;
	uint64_t elapsed, looks;
};

struct key {
	uint32_t thread, node, flags;
};

struct top_index {
	struct key key;
	size_t cell;
	UT_hash_handle hh;
};

bool top_model_init(struct top_model *model, uint64_t window, size_t limit)
{
	uint64_t length = window / TOP_SLICES;
	*model = (struct top_model){
		.slice_length = length ? length : 1, .slice = 1, .limit = limit ? limit : LIMIT};
	model->slices = calloc(TOP_SLICES, sizeof(*model->slices));
	return model->slices;
}

static void drop_index(struct top_model *model)
{
	struct top_index *entry, *next;
	HASH_ITER (hh, model->index, entry, next) {
		HASH_DEL(model->index, entry);
		free(entry);
	}
}

void top_model_deinit(struct top_model *model)
{
	drop_index(model);
	for (size_t i = 0; model->slices && i < TOP_SLICES; i++)
		free(model->slices[i].parts);
	free(model->slices);
	free(model->cells);
}

/* ---- cells ---- */

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t more = *capacity ? *capacity * 2 : 64;
	void *moved = reallocarray(items, more, size);
	if (moved)
		*capacity = more;
	return moved;
}

static bool find_cell(struct top_model *model, const struct key *key, size_t *ret)
{
	struct top_index *entry;
	HASH_FIND(hh, model->index, key, sizeof(*key), entry);
	if (entry) {
		*ret = entry->cell;
		return true;
	}
	void *cells = grown(model->cells, model->count, &model->capacity, sizeof(*model->cells));
	if (!cells)
		return false;
	model->cells = cells;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return false;
	entry->key = *key;
	entry->cell = model->count;
	HASH_ADD(hh, model->index, key, sizeof(*key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return false;
	}
	model->cells[model->count] =
		(struct top_cell){.thread = key->thread, .node = key->node, .flags = key->flags};
	*ret = model->count++;
	return true;
}

static void add(struct pw_report_cost *to, struct pw_report_cost cost)
{
	to->samples += cost.samples;
	to->time += cost.time;
}

static bool add_to_window(struct top_model *model, size_t index, struct pw_report_cost cost)
{
	struct top_cell *cell = &model->cells[index];
	struct top_slice *slice = &model->slices[model->slice % TOP_SLICES];
	if (cell->slice != model->slice) {
		void *parts =
			grown(slice->parts, slice->count, &slice->capacity, sizeof(*slice->parts));
		if (!parts)
			return false;
		slice->parts = parts;
		cell->slice = model->slice;
		cell->part = slice->count++;
		slice->parts[cell->part] = (struct top_part){.cell = index};
	}
	add(&slice->parts[cell->part].cost, cost);
	add(&cell->window, cost);
	return true;
}

/* ---- the window ---- */

/* Empties the oldest slice, which becomes the current one. */
static void next_slice(struct top_model *model)
{
	struct top_slice *slice = &model->slices[++model->slice % TOP_SLICES];
	for (size_t i = 0; i < slice->count; i++) {
		struct top_cell *cell = &model->cells[slice->parts[i].cell];
		cell->window.samples -= slice->parts[i].cost.samples;
		cell->window.time -= slice->parts[i].cost.time;
	}
	model->window -= slice->elapsed;
	model->window_looks -= slice->looks;
	/* What one busy moment needed is not kept for ever. */
	free(slice->parts);
	*slice = (struct top_slice){0};
}

static void pass(struct top_model *model, uint64_t weight)
{
	struct top_slice *slice = &model->slices[model->slice % TOP_SLICES];
	if (slice->elapsed >= model->slice_length) {
		next_slice(model);
		slice = &model->slices[model->slice % TOP_SLICES];
	}
	slice->elapsed += weight;
	slice->looks++;
	model->window += weight;
	model->window_looks++;
	model->all += weight;
	model->all_looks++;
}

bool top_model_take(struct top_model *model, const struct pw_profile *profile, uint64_t weight)
{
	model->profile = profile;
	pass(model, weight);
	for (size_t i = 0; i < pw_profile_sample_count(profile); i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(profile, i);
		const struct key key = {sample->thread, sample->node, sample->flags};
		const struct pw_report_cost cost = {1, sample->weight};
		size_t cell;
		if (!find_cell(model, &key, &cell) || !add_to_window(model, cell, cost))
			return false;
		add(&model->cells[cell].all, cost);
	}
	return true;
}

static void clear(struct top_model *model)
{
	for (size_t i = 0; i < TOP_SLICES; i++) {
		free(model->slices[i].parts);
		model->slices[i] = (struct top_slice){0};
	}
	drop_index(model);
	model->count = 0;
	model->slice++;
	model->window = model->window_looks = 0;
}

void top_model_reset(struct top_model *model)
{
	clear(model);
	model->all = model->all_looks = 0;
}

/* ---- moving ---- */

bool top_model_is_full(const struct top_model *model)
{
	const struct pw_profile *profile = model->profile;
	return profile &&
	       (model->count > model->limit || pw_profile_node_count(profile) > model->limit ||
		pw_profile_frame_count(profile) > model->limit ||
		pw_profile_function_count(profile) > model->limit ||
		pw_profile_thread_count(profile) > model->limit);
}

static bool done(struct pw_error *error)
{
	pw_error_destroy(error);
	return !error;
}

/* What has been copied already, by its number, from 1; 0: not yet. */
struct copies {
	const struct pw_profile *from;
	struct pw_profile *to;
	uint32_t *threads, *nodes;
	uint32_t *path; /* of nodes */
};

static bool copy_thread(const struct copies *copies, uint32_t index, uint32_t *ret)
{
	struct pw_profile_thread thread = *pw_profile_thread(copies->from, index);
	const struct pw_profile_process *process = pw_profile_process(copies->from, thread.process);
	if (!copies->threads[index]) {
		if (!done(pw_profile_add_process(copies->to, process, &thread.process)) ||
		    !done(pw_profile_add_thread(copies->to, &thread, ret)))
			return false;
		copies->threads[index] = *ret + 1;
	}
	*ret = copies->threads[index] - 1;
	return true;
}

static bool copy_one(const struct copies *copies, uint32_t node, uint32_t *at)
{
	struct pw_profile_frame frame =
		*pw_profile_frame(copies->from, pw_profile_node(copies->from, node)->frame);
	struct pw_profile_node copy = {.parent = *at};
	return done(pw_profile_add_function(copies->to,
					    pw_profile_function(copies->from, frame.function),
					    &frame.function)) &&
	       done(pw_profile_add_frame(copies->to, &frame, &copy.frame)) &&
	       done(pw_profile_add_node(copies->to, &copy, at));
}

static bool copy_stack(const struct copies *copies, uint32_t node, uint32_t *ret)
{
	size_t length = 0;
	while (node && !copies->nodes[node]) {
		copies->path[length++] = node;
		node = pw_profile_node(copies->from, node)->parent;
	}
	*ret = node ? copies->nodes[node] - 1 : 0;
	while (length--) {
		if (!copy_one(copies, copies->path[length], ret))
			return false;
		copies->nodes[copies->path[length]] = *ret + 1;
	}
	return true;
}

/* The heaviest first; those of the window before. */
static int compare_cells(const void *a, const void *b)
{
	const struct top_cell *x = a, *y = b;
	if (x->window.time != y->window.time)
		return x->window.time < y->window.time ? 1 : -1;
	return x->all.time < y->all.time ? 1 : x->all.time > y->all.time ? -1 : 0;
}

static bool move_cell(struct top_model *model, const struct copies *copies,
		      const struct top_cell *cell)
{
	struct key key = {.flags = cell->flags};
	size_t moved;
	if (!copy_thread(copies, cell->thread, &key.thread) ||
	    !copy_stack(copies, cell->node, &key.node) || !find_cell(model, &key, &moved))
		return false;
	add(&model->cells[moved].all, cell->all);
	return !cell->window.samples || add_to_window(model, moved, cell->window);
}

static const char forgotten[] = "(rare, long ago)";

/* Below a node, what has been forgotten of it: its callers keep their totals. */
static bool add_forgotten_node(struct pw_profile *to, uint32_t parent, uint32_t *ret)
{
	const struct pw_profile_function function = {.kind = PW_PROFILE_GAP, .name = forgotten};
	struct pw_profile_frame frame = {0};
	struct pw_profile_node node = {.parent = parent};
	return done(pw_profile_add_function(to, &function, &frame.function)) &&
	       done(pw_profile_add_frame(to, &frame, &node.frame)) &&
	       done(pw_profile_add_node(to, &node, ret));
}

/* A thread of no process has what threads did that have been forgotten. */
static bool add_forgotten_thread(struct pw_profile *to, uint32_t *ret)
{
	const struct pw_profile_process nobody = {0};
	struct pw_profile_thread thread = {.name = forgotten};
	return done(pw_profile_add_process(to, &nobody, &thread.process)) &&
	       done(pw_profile_add_thread(to, &thread, ret));
}

/* As much of a cell as others have brought along, if there is room for that. */
static bool forget_cell(struct top_model *model, const struct copies *copies,
			const struct top_cell *cell)
{
	struct key key = {.flags = cell->flags & (PW_SAMPLE_RUNNING | PW_SAMPLE_GIL)};
	uint32_t node = cell->node, thread = copies->threads[cell->thread];
	size_t most = model->limit / 4 * 3, moved;
	bool room = model->count < most && pw_profile_node_count(copies->to) < most;
	while (node && !copies->nodes[node])
		node = pw_profile_node(copies->from, node)->parent;
	if (room && thread)
		key.thread = thread - 1;
	else if (!add_forgotten_thread(copies->to, &key.thread))
		return false;
	if (!add_forgotten_node(copies->to, room && node ? copies->nodes[node] - 1 : 0,
				&key.node) ||
	    !find_cell(model, &key, &moved))
		return false;
	add(&model->cells[moved].all, cell->all);
	return !cell->window.samples || add_to_window(model, moved, cell->window);
}

static bool move_cells(struct top_model *model, const struct copies *copies, struct top_cell *cells,
		       size_t count)
{
	size_t kept = model->limit / KEEP_ONE_OF;
	if (count > 1)
		qsort(cells, count, sizeof(*cells), compare_cells);
	for (size_t i = 0; i < count; i++) {
		/* Stacks may be long: the tables are to stay far from their limit. */
		bool room = i < kept && pw_profile_node_count(copies->to) < kept * 2;
		if (!(room ? move_cell(model, copies, &cells[i])
			   : forget_cell(model, copies, &cells[i])))
			return false;
	}
	return true;
}

bool top_model_move(struct top_model *model, struct pw_profile *to)
{
	const struct pw_profile *from = model->profile;
	if (!from) {
		model->profile = to;
		return true;
	}
	size_t nodes = pw_profile_node_count(from), threads = pw_profile_thread_count(from);
	struct copies copies = {from, to, calloc(threads + 1, sizeof(*copies.threads)),
				calloc(nodes + 1, sizeof(*copies.nodes)),
				calloc(nodes + 1, sizeof(*copies.path))};
	bool good = copies.threads && copies.nodes && copies.path;
	if (good) {
		struct top_cell *cells = model->cells;
		size_t count = model->count;
		uint64_t window = model->window, looks = model->window_looks;
		model->cells = NULL;
		model->capacity = 0;
		clear(model);
		/* All of the window becomes one slice: it leaves it at once. */
		struct top_slice *slice = &model->slices[model->slice % TOP_SLICES];
		slice->elapsed = model->window = window;
		slice->looks = model->window_looks = looks;
		good = move_cells(model, &copies, cells, count);
		free(cells);
		model->profile = to;
		model->moves++;
	}
	free(copies.threads);
	free(copies.nodes);
	free(copies.path);
	return good;
}
