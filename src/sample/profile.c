#include "sample/profile.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct pw_profile_text {
	UT_hash_handle hh;
	char text[];
};

/* The tables that are looked into, as a part of the key. */
enum table { PROCESSES = 1, THREADS, FUNCTIONS, FRAMES, NODES };

/* All keys are of this form: texts, which are kept once, count by their address. */
struct key {
	uint64_t table;
	uint64_t words[5];
};

struct pw_profile_entry {
	struct key key;
	uint32_t index;
	UT_hash_handle hh;
};

/* ---- tables ---- */

static void *add_entry(struct pw_table *table)
{
	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		/* Indexes are of 32 bits. */
		if (capacity > UINT32_MAX)
			return NULL;
		void *items = realloc(table->items, capacity * table->size);
		if (!items)
			return NULL;
		table->items = items;
		table->capacity = capacity;
	}
	void *entry = (char *)table->items + table->count++ * table->size;
	memset(entry, 0, table->size);
	return entry;
}

static void *entry_at(const struct pw_table *table, size_t index)
{
	return (char *)table->items + index * table->size;
}

/* The copy of a text that is kept; NULL stays NULL. */
static struct pw_error *keep(struct pw_profile *profile, const char *text, const char **ret)
{
	struct pw_profile_text *kept;
	*ret = NULL;
	if (!text)
		return NULL;
	size_t length = strlen(text);
	HASH_FIND(hh, profile->texts, text, length, kept);
	if (!kept) {
		kept = calloc(1, sizeof(*kept) + length + 1);
		if (!kept)
			return &pw_error_nomem;
		memcpy(kept->text, text, length);
		HASH_ADD(hh, profile->texts, text, length, kept);
		if (!kept->hh.tbl) {
			free(kept);
			return &pw_error_nomem;
		}
		profile->text_bytes += length + 1;
	}
	*ret = kept->text;
	return NULL;
}

/* Puts the index of the entry with this key into *ret, and whether it is a new one, which the
 * caller fills in. */
static struct pw_error *intern(struct pw_profile *profile, struct pw_table *table,
			       const struct key *key, uint32_t *ret, bool *ret_new)
{
	struct pw_profile_entry *entry;
	HASH_FIND(hh, profile->entries, key, sizeof(*key), entry);
	*ret_new = !entry;
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry || !add_entry(table)) {
			free(entry);
			return &pw_error_nomem;
		}
		entry->key = *key;
		entry->index = (uint32_t)(table->count - 1);
		HASH_ADD(hh, profile->entries, key, sizeof(*key), entry);
		if (!entry->hh.tbl) {
			table->count--;
			free(entry);
			return &pw_error_nomem;
		}
	}
	*ret = entry->index;
	return NULL;
}

static uint64_t number_of(const char *text)
{
	return (uint64_t)(uintptr_t)text;
}

/* ---- the profile ---- */

struct pw_error *pw_profile_create(const struct pw_profile_info *info, struct pw_profile **ret)
{
	struct pw_profile *profile = calloc(1, sizeof(*profile));
	if (!profile)
		return &pw_error_nomem;
	profile->processes.size = sizeof(struct pw_profile_process);
	profile->threads.size = sizeof(struct pw_profile_thread);
	profile->functions.size = sizeof(struct pw_profile_function);
	profile->frames.size = sizeof(struct pw_profile_frame);
	profile->nodes.size = sizeof(struct pw_profile_node);
	profile->samples.size = sizeof(struct pw_profile_sample);
	struct pw_error *error = add_entry(&profile->nodes) ? NULL : &pw_error_nomem;
	if (!error)
		error = pw_profile_set_info(profile, info);
	if (error) {
		pw_profile_destroy(profile);
		return error;
	}
	*ret = profile;
	return NULL;
}

void pw_profile_destroy(struct pw_profile *profile)
{
	struct pw_profile_text *text, *next_text;
	struct pw_profile_entry *entry, *next_entry;
	if (!profile)
		return;
	HASH_ITER (hh, profile->texts, text, next_text) {
		HASH_DEL(profile->texts, text);
		free(text);
	}
	HASH_ITER (hh, profile->entries, entry, next_entry) {
		HASH_DEL(profile->entries, entry);
		free(entry);
	}
	free(profile->processes.items);
	free(profile->threads.items);
	free(profile->functions.items);
	free(profile->frames.items);
	free(profile->nodes.items);
	free(profile->samples.items);
	free(profile);
}

struct pw_error *pw_profile_set_info(struct pw_profile *profile, const struct pw_profile_info *info)
{
	const char *engine;
	struct pw_error *error = keep(profile, info->engine ? info->engine : "", &engine);
	if (error)
		return error;
	profile->info = *info;
	profile->info.engine = engine;
	return NULL;
}

/* ---- adding ---- */

struct pw_error *pw_profile_add_process(struct pw_profile *profile,
					const struct pw_profile_process *process, uint32_t *ret)
{
	struct pw_profile_process kept = *process;
	bool is_new;
	struct pw_error *error = keep(profile, process->executable, &kept.executable);
	if (!error)
		error = keep(profile, process->python, &kept.python);
	if (!error)
		error = keep(profile, process->command, &kept.command);
	const struct key key = {PROCESSES,
				{(uint64_t)kept.pid, (uint64_t)kept.parent,
				 number_of(kept.executable), number_of(kept.python),
				 number_of(kept.command)}};
	if (!error)
		error = intern(profile, &profile->processes, &key, ret, &is_new);
	if (!error && is_new)
		*(struct pw_profile_process *)entry_at(&profile->processes, *ret) = kept;
	return error;
}

static struct pw_error *no_such(const char *what, uint64_t index, size_t count)
{
	return pw_error_create(PW_ERROR_USAGE, "the profile has no %s %llu, only %zu", what,
			       (unsigned long long)index, count);
}

struct pw_error *pw_profile_add_thread(struct pw_profile *profile,
				       const struct pw_profile_thread *thread, uint32_t *ret)
{
	const char *name = NULL, *kernel_name = NULL;
	bool is_new;
	if (thread->process >= profile->processes.count)
		return no_such("process", thread->process, profile->processes.count);
	struct pw_error *error = keep(profile, thread->name, &name);
	if (!error)
		error = keep(profile, thread->kernel_name, &kernel_name);
	const struct key key = {THREADS, {thread->process, thread->tid, thread->ns_tid}};
	if (!error)
		error = intern(profile, &profile->threads, &key, ret, &is_new);
	if (error)
		return error;
	struct pw_profile_thread *kept = entry_at(&profile->threads, *ret);
	if (is_new)
		*kept = (struct pw_profile_thread){
			.process = thread->process, .tid = thread->tid, .ns_tid = thread->ns_tid};
	kept->name = name ? name : kept->name;
	kept->kernel_name = kernel_name ? kernel_name : kept->kernel_name;
	return NULL;
}

struct pw_error *pw_profile_add_function(struct pw_profile *profile,
					 const struct pw_profile_function *function, uint32_t *ret)
{
	struct pw_profile_function kept = *function;
	bool is_new;
	struct pw_error *error = keep(profile, function->name ? function->name : "??", &kept.name);
	if (!error)
		error = keep(profile, function->file, &kept.file);
	if (!error)
		error = keep(profile, function->module, &kept.module);
	const struct key key = {FUNCTIONS,
				{(uint64_t)kept.kind, number_of(kept.name), number_of(kept.file),
				 number_of(kept.module), (uint64_t)kept.first_line}};
	if (!error)
		error = intern(profile, &profile->functions, &key, ret, &is_new);
	if (!error && is_new)
		*(struct pw_profile_function *)entry_at(&profile->functions, *ret) = kept;
	return error;
}

struct pw_error *pw_profile_add_frame(struct pw_profile *profile,
				      const struct pw_profile_frame *frame, uint32_t *ret)
{
	bool is_new;
	if (frame->function >= profile->functions.count)
		return no_such("function", frame->function, profile->functions.count);
	const struct key key = {FRAMES, {frame->function, (uint64_t)frame->line}};
	struct pw_error *error = intern(profile, &profile->frames, &key, ret, &is_new);
	if (!error && is_new)
		*(struct pw_profile_frame *)entry_at(&profile->frames, *ret) = *frame;
	return error;
}

struct pw_error *pw_profile_add_node(struct pw_profile *profile, const struct pw_profile_node *node,
				     uint32_t *ret)
{
	bool is_new;
	if (node->parent >= profile->nodes.count)
		return no_such("node", node->parent, profile->nodes.count);
	if (node->frame >= profile->frames.count)
		return no_such("frame", node->frame, profile->frames.count);
	const struct key key = {NODES, {node->parent, node->frame}};
	struct pw_error *error = intern(profile, &profile->nodes, &key, ret, &is_new);
	if (!error && is_new)
		*(struct pw_profile_node *)entry_at(&profile->nodes, *ret) = *node;
	return error;
}

struct pw_error *pw_profile_add_sample(struct pw_profile *profile,
				       const struct pw_profile_sample *sample)
{
	if (sample->thread >= profile->threads.count)
		return no_such("thread", sample->thread, profile->threads.count);
	if (sample->node >= profile->nodes.count)
		return no_such("node", sample->node, profile->nodes.count);
	if (sample->time < profile->last_time)
		return pw_error_create(
			PW_ERROR_USAGE, "a sample at %llu ns comes after one at %llu ns",
			(unsigned long long)sample->time, (unsigned long long)profile->last_time);
	struct pw_profile_sample *added = add_entry(&profile->samples);
	if (!added)
		return &pw_error_nomem;
	*added = *sample;
	profile->last_time = sample->time;
	return NULL;
}

void pw_profile_forget(struct pw_profile *profile)
{
	free(profile->samples.items);
	profile->samples.items = NULL;
	profile->samples.count = profile->samples.capacity = 0;
}

/* What is reserved beyond the entries was never touched: it takes addresses, and no memory. */
size_t pw_profile_memory(const struct pw_profile *profile)
{
	enum { OF_ALLOCATION = 16 }; /* what malloc() needs beside */
	const struct pw_table *const tables[] = {&profile->processes, &profile->threads,
						 &profile->functions, &profile->frames,
						 &profile->nodes,     &profile->samples};
	size_t texts = HASH_COUNT(profile->texts), entries = HASH_COUNT(profile->entries);
	size_t sum = profile->text_bytes +
		     texts * (sizeof(struct pw_profile_text) + OF_ALLOCATION) +
		     entries * (sizeof(struct pw_profile_entry) + OF_ALLOCATION);
	if (profile->texts)
		sum += profile->texts->hh.tbl->num_buckets * sizeof(struct UT_hash_bucket);
	if (profile->entries)
		sum += profile->entries->hh.tbl->num_buckets * sizeof(struct UT_hash_bucket);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		sum += tables[i]->count * tables[i]->size;
	return sum;
}

/* ---- reading ---- */

const struct pw_profile_info *pw_profile_info(const struct pw_profile *profile)
{
	return &profile->info;
}

size_t pw_profile_process_count(const struct pw_profile *profile)
{
	return profile->processes.count;
}

size_t pw_profile_thread_count(const struct pw_profile *profile)
{
	return profile->threads.count;
}

size_t pw_profile_function_count(const struct pw_profile *profile)
{
	return profile->functions.count;
}

size_t pw_profile_frame_count(const struct pw_profile *profile)
{
	return profile->frames.count;
}

size_t pw_profile_node_count(const struct pw_profile *profile)
{
	return profile->nodes.count;
}

size_t pw_profile_sample_count(const struct pw_profile *profile)
{
	return profile->samples.count;
}

const struct pw_profile_process *pw_profile_process(const struct pw_profile *profile, size_t index)
{
	return entry_at(&profile->processes, index);
}

const struct pw_profile_thread *pw_profile_thread(const struct pw_profile *profile, size_t index)
{
	return entry_at(&profile->threads, index);
}

const struct pw_profile_function *pw_profile_function(const struct pw_profile *profile,
						      size_t index)
{
	return entry_at(&profile->functions, index);
}

const struct pw_profile_frame *pw_profile_frame(const struct pw_profile *profile, size_t index)
{
	return entry_at(&profile->frames, index);
}

const struct pw_profile_node *pw_profile_node(const struct pw_profile *profile, size_t index)
{
	return entry_at(&profile->nodes, index);
}

const struct pw_profile_sample *pw_profile_sample(const struct pw_profile *profile, size_t index)
{
	return entry_at(&profile->samples, index);
}

/* ---- names ---- */

const char *pw_profile_clock_name(enum pw_profile_clock clock)
{
	static const char *const names[] = {
		[PW_CLOCK_WALL] = "wall", [PW_CLOCK_CPU] = "cpu", [PW_CLOCK_GIL] = "gil"};
	return (size_t)clock < sizeof(names) / sizeof(names[0]) ? names[clock] : "unknown";
}

const char *pw_profile_kind_name(enum pw_profile_kind kind)
{
	static const char *const names[] = {[PW_PROFILE_PYTHON] = "python",
					    [PW_PROFILE_NATIVE] = "native",
					    [PW_PROFILE_GAP] = "gap"};
	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
