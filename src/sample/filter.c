/* Choosing from a profile: the samples, frames and names that are kept make a new one. */
#include "sample/pattern.h"
#include "sample/profile.h"

#include "base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Functions of one kind and new name. */
struct group {
	UT_hash_handle hh;
	bool changed; /* one of their names was, so that they are one function */
	struct pw_profile_function one;
	char key[]; /* a character for the kind, the name */
};

enum { IN_INCLUDED = 1, IN_EXCLUDED = 2, KEPT = 4 };

struct filtering {
	const struct pw_profile *from;
	const struct pw_profile_filter *filter;
	struct pw_profile *to;
	struct pw_patterns include, exclude, thread_names;
	struct pw_renames renames;
	bool *threads;		 /* which are kept */
	struct group **group_of; /* by function; NULL: names stay as they are */
	struct group *groups;
	uint8_t *function_bits; /* by function: what its frames are */
	uint8_t *node_bits;	/* by node: what the stack up to there has */
	uint32_t *nodes;	/* the new node */
	uint32_t *new_threads;
};

/* ---- threads ---- */

static bool has_id(const struct pw_profile_thread *thread, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long tid = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && tid == thread->tid;
}

static bool is_called(const struct pw_profile_thread *thread, const char *text)
{
	return (thread->name && strcmp(thread->name, text) == 0) ||
	       (thread->kernel_name && strcmp(thread->kernel_name, text) == 0) ||
	       has_id(thread, text);
}

static bool fits_name(struct pw_patterns *one, const struct pw_profile_thread *thread)
{
	return (thread->name && pw_patterns_match(one, thread->name)) ||
	       (thread->kernel_name && pw_patterns_match(one, thread->kernel_name));
}

static bool fits_pattern(const struct filtering *f, const struct pw_profile_thread *thread)
{
	const struct pw_texts *patterns = &f->filter->thread_patterns;
	for (size_t i = 0; i < patterns->count; i++) {
		const char *text = patterns->items[i];
		bool number = text[0] && !text[strspn(text, "0123456789")];
		struct pw_patterns one = {&f->thread_names.items[i], 1};
		if (number ? has_id(thread, text) : fits_name(&one, thread))
			return true;
	}
	return !patterns->count;
}

static struct pw_error *no_such_thread(const struct pw_profile *profile, const char *text)
{
	enum { NAMED = 8 };
	pw_auto_buffer struct pw_buffer b = {0};
	size_t count = pw_profile_thread_count(profile);
	for (size_t i = 0; i < count && i < NAMED; i++) {
		const struct pw_profile_thread *t = pw_profile_thread(profile, i);
		const char *name = t->name ? t->name : t->kernel_name;
		pw_buffer_printf(&b, "%s%" PRIu64 "%s%.40s%s", i ? ", " : "", t->tid,
				 name ? " (" : "", name ? name : "", name ? ")" : "");
	}
	if (count > NAMED)
		pw_buffer_printf(&b, " and %zu more", count - NAMED);
	return pw_error_create(PW_ERROR_NO_TARGET, "the recording has no thread \"%s\"; it has %s",
			       text, count && !b.failed ? b.data : "none");
}

/* Each name must be that of a thread, or it was mistyped. */
static struct pw_error *choose_threads(struct filtering *f)
{
	const struct pw_profile_filter *filter = f->filter;
	size_t count = pw_profile_thread_count(f->from);
	for (size_t i = 0; i < count; i++)
		f->threads[i] =
			!filter->threads.count && fits_pattern(f, pw_profile_thread(f->from, i));
	for (size_t j = 0; j < filter->threads.count; j++) {
		bool found = false;
		for (size_t i = 0; i < count; i++) {
			if (!is_called(pw_profile_thread(f->from, i), filter->threads.items[j]))
				continue;
			found = true;
			f->threads[i] = fits_pattern(f, pw_profile_thread(f->from, i));
		}
		if (!found)
			return no_such_thread(f->from, filter->threads.items[j]);
	}
	return NULL;
}

static bool is_chosen(const struct pw_profile_filter *filter, int64_t pid)
{
	for (size_t i = 0; i < filter->process_count; i++)
		if (filter->processes[i] == pid)
			return true;
	return !filter->process_count;
}

static struct pw_error *choose_processes(struct filtering *f)
{
	for (size_t i = 0; i < f->filter->process_count; i++) {
		bool found = false;
		for (size_t j = 0; j < pw_profile_process_count(f->from); j++)
			found |= pw_profile_process(f->from, j)->pid == f->filter->processes[i];
		if (!found)
			return pw_error_create(PW_ERROR_NO_TARGET,
					       "the recording has no process %" PRId64,
					       f->filter->processes[i]);
	}
	for (size_t i = 0; i < pw_profile_thread_count(f->from); i++) {
		const struct pw_profile_thread *t = pw_profile_thread(f->from, i);
		if (!is_chosen(f->filter, pw_profile_process(f->from, t->process)->pid))
			f->threads[i] = false;
	}
	return NULL;
}

static struct pw_error *add_threads(struct filtering *f)
{
	struct pw_error *error = choose_threads(f);
	if (!error)
		error = choose_processes(f);
	for (size_t i = 0; !error && i < pw_profile_thread_count(f->from); i++) {
		struct pw_profile_thread t = *pw_profile_thread(f->from, i);
		if (!f->threads[i])
			continue;
		error = pw_profile_add_process(f->to, pw_profile_process(f->from, t.process),
					       &t.process);
		if (!error)
			error = pw_profile_add_thread(f->to, &t, &f->new_threads[i]);
	}
	return error;
}

/* ---- functions ---- */

static struct pw_error *find_group(struct filtering *f, enum pw_profile_kind kind, const char *name,
				   struct group **ret)
{
	struct group *g;
	pw_auto_buffer struct pw_buffer key = {0};
	pw_buffer_append_char(&key, (char)('0' + kind));
	pw_buffer_append_string(&key, name);
	if (key.failed)
		return &pw_error_nomem;
	HASH_FIND(hh, f->groups, key.data, key.length, g);
	if (!g) {
		g = calloc(1, sizeof(*g) + key.length + 1);
		if (!g)
			return &pw_error_nomem;
		memcpy(g->key, key.data, key.length);
		HASH_ADD(hh, f->groups, key, key.length, g);
		if (!g->hh.tbl) {
			free(g);
			return &pw_error_nomem;
		}
	}
	*ret = g;
	return NULL;
}

/* Texts of a profile are kept once: equal ones have one address. */
static void join(struct group *group, const struct pw_profile_function *function)
{
	struct pw_profile_function *one = &group->one;
	if (!one->name) {
		*one = *function;
		one->name = group->key + 1;
		return;
	}
	if (one->file != function->file)
		one->file = NULL;
	if (one->module != function->module)
		one->module = NULL;
	if (one->first_line != function->first_line || !one->file)
		one->first_line = 0;
}

static struct pw_error *fold_names(struct filtering *f)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < pw_profile_function_count(f->from); i++) {
		const struct pw_profile_function *function = pw_profile_function(f->from, i);
		char *name = NULL;
		error = pw_renames_apply(&f->renames, function->name, &name);
		if (!error)
			error = find_group(f, function->kind, name ? name : function->name,
					   &f->group_of[i]);
		if (!error) {
			f->group_of[i]->changed |= name != NULL;
			join(f->group_of[i], function);
		}
		free(name);
	}
	return error;
}

/* The function as it will be. */
static struct pw_profile_function new_function(const struct filtering *f, size_t index)
{
	const struct group *group = f->group_of[index];
	return group && group->changed ? group->one : *pw_profile_function(f->from, index);
}

static void mark_functions(struct filtering *f)
{
	for (size_t i = 0; i < pw_profile_function_count(f->from); i++) {
		struct pw_profile_function function = new_function(f, i);
		unsigned bits = 0;
		if (pw_patterns_match(&f->include, function.name))
			bits |= IN_INCLUDED;
		if (pw_patterns_match(&f->exclude, function.name))
			bits |= IN_EXCLUDED;
		if ((!f->filter->python || function.kind == PW_PROFILE_PYTHON) &&
		    (!f->filter->native || function.kind == PW_PROFILE_NATIVE))
			bits |= KEPT;
		f->function_bits[i] = (uint8_t)bits;
	}
}

/* ---- samples ---- */

static bool is_kept(const struct filtering *f, const struct pw_profile_sample *sample)
{
	const struct pw_profile_filter *filter = f->filter;
	uint8_t bits = f->node_bits[sample->node];
	return f->threads[sample->thread] && sample->time >= filter->from &&
	       (!filter->to || sample->time < filter->to) &&
	       (!filter->running || sample->flags & PW_SAMPLE_RUNNING) &&
	       (!filter->gil || sample->flags & PW_SAMPLE_GIL) &&
	       (!filter->include.count || bits & IN_INCLUDED) && !(bits & IN_EXCLUDED);
}

/* What a stack has, its callers had: a node comes after its parent. */
static void mark_nodes(struct filtering *f)
{
	for (size_t i = 1; i < pw_profile_node_count(f->from); i++) {
		const struct pw_profile_node *node = pw_profile_node(f->from, i);
		uint32_t function = pw_profile_frame(f->from, node->frame)->function;
		f->node_bits[i] = (f->node_bits[node->parent] & (IN_INCLUDED | IN_EXCLUDED)) |
				  (f->function_bits[function] & (IN_INCLUDED | IN_EXCLUDED));
	}
}

static struct pw_error *add_node(struct filtering *f, size_t index)
{
	const struct pw_profile_node *node = pw_profile_node(f->from, index);
	struct pw_profile_frame frame = *pw_profile_frame(f->from, node->frame);
	struct pw_profile_node new_node = {.parent = f->nodes[node->parent]};
	if (!(f->function_bits[frame.function] & KEPT)) {
		f->nodes[index] = new_node.parent;
		return NULL;
	}
	struct pw_profile_function function = new_function(f, frame.function);
	/* Of which file would it be? */
	if (f->group_of[frame.function] && f->group_of[frame.function]->changed && !function.file)
		frame.line = 0;
	struct pw_error *error = pw_profile_add_function(f->to, &function, &frame.function);
	if (!error)
		error = pw_profile_add_frame(f->to, &frame, &new_node.frame);
	if (!error)
		error = pw_profile_add_node(f->to, &new_node, &f->nodes[index]);
	return error;
}

/* Only the stacks that some sample has. */
static struct pw_error *add_nodes(struct filtering *f)
{
	struct pw_error *error = NULL;
	size_t count = pw_profile_node_count(f->from);
	bool *used = calloc(count, sizeof(*used));
	if (!used)
		return &pw_error_nomem;
	for (size_t i = 0; i < pw_profile_sample_count(f->from); i++) {
		const struct pw_profile_sample *sample = pw_profile_sample(f->from, i);
		if (is_kept(f, sample))
			used[sample->node] = true;
	}
	for (size_t i = count - 1; i > 0; i--)
		if (used[i])
			used[pw_profile_node(f->from, i)->parent] = true;
	for (size_t i = 1; !error && i < count; i++)
		if (used[i])
			error = add_node(f, i);
	free(used);
	return error;
}

static struct pw_error *add_samples(struct filtering *f)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i < pw_profile_sample_count(f->from); i++) {
		struct pw_profile_sample sample = *pw_profile_sample(f->from, i);
		if (!is_kept(f, &sample))
			continue;
		sample.node = f->nodes[sample.node];
		sample.thread = f->new_threads[sample.thread];
		error = pw_profile_add_sample(f->to, &sample);
	}
	return error;
}

/* ---- all of it ---- */

static struct pw_error *prepare(struct filtering *f)
{
	const struct pw_profile_filter *filter = f->filter;
	size_t threads = pw_profile_thread_count(f->from),
	       functions = pw_profile_function_count(f->from),
	       nodes = pw_profile_node_count(f->from);
	f->threads = calloc(threads + 1, sizeof(*f->threads));
	f->new_threads = calloc(threads + 1, sizeof(*f->new_threads));
	f->group_of = calloc(functions + 1, sizeof(*f->group_of));
	f->function_bits = calloc(functions + 1, sizeof(*f->function_bits));
	f->node_bits = calloc(nodes, sizeof(*f->node_bits));
	f->nodes = calloc(nodes, sizeof(*f->nodes));
	if (!f->threads || !f->new_threads || !f->group_of || !f->function_bits || !f->node_bits ||
	    !f->nodes)
		return &pw_error_nomem;
	struct pw_error *error = pw_patterns_init(&f->include, "--include", &filter->include);
	if (!error)
		error = pw_patterns_init(&f->exclude, "--exclude", &filter->exclude);
	if (!error)
		error = pw_patterns_init(&f->thread_names, "--threads", &filter->thread_patterns);
	if (!error)
		error = pw_renames_init(&f->renames, &filter->fold);
	return error;
}

static void put_away(struct filtering *f)
{
	struct group *group, *next;
	HASH_ITER (hh, f->groups, group, next) {
		HASH_DEL(f->groups, group);
		free(group);
	}
	pw_patterns_deinit(&f->include);
	pw_patterns_deinit(&f->exclude);
	pw_patterns_deinit(&f->thread_names);
	pw_renames_deinit(&f->renames);
	free(f->threads);
	free(f->new_threads);
	free(f->group_of);
	free(f->function_bits);
	free(f->node_bits);
	free(f->nodes);
}

struct pw_error *pw_profile_filter_into(const struct pw_profile *profile,
					const struct pw_profile_filter *filter,
					struct pw_profile *to)
{
	struct filtering f = {.from = profile, .filter = filter, .to = to};
	if (filter->size != sizeof(*filter))
		return pw_error_create(PW_ERROR_USAGE, "a filter of %zu bytes; it has %zu here",
				       filter->size, sizeof(*filter));
	if (filter->python && filter->native)
		return pw_error_create(PW_ERROR_USAGE,
				       "frames are of Python or native: only one kind, not both");
	struct pw_error *error = prepare(&f);
	if (!error)
		error = add_threads(&f);
	if (!error && f.renames.count)
		error = fold_names(&f);
	if (!error) {
		mark_functions(&f);
		mark_nodes(&f);
		error = add_nodes(&f);
	}
	if (!error)
		error = add_samples(&f);
	put_away(&f);
	return error;
}

struct pw_error *pw_profile_filter(const struct pw_profile *profile,
				   const struct pw_profile_filter *filter, struct pw_profile **ret)
{
	struct pw_profile *to;
	struct pw_error *error = pw_profile_create(pw_profile_info(profile), &to);
	if (error)
		return error;
	error = pw_profile_filter_into(profile, filter, to);
	if (error)
		pw_profile_destroy(to);
	else
		*ret = to;
	return error;
}
