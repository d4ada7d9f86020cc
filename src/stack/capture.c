/*
 * Taking a dump: what there is, then each thread, then what belongs to none.
 */
#include "stack/locals.h"

#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 100 };

void pw_capture_problem(struct pw_dump *dump, const char *text)
{
	if (dump->problems.count < PROBLEMS_MAX)
		pw_notes_add(&dump->problems, "%s", text);
	else if (dump->problems.count == PROBLEMS_MAX)
		pw_notes_add(&dump->problems, "more problems follow");
}

/* ---- code objects ---- */

static struct pw_error *touch_codes(struct pw_capture *c, const struct pw_pyframes *frames)
{
	for (size_t i = 0; i < frames->count; i++) {
		struct pw_code_entry *entry;
		uint64_t address = frames->items[i].code;
		HASH_FIND(hh, c->dump->codes, &address, sizeof(address), entry);
		if (entry)
			continue;
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return &pw_error_nomem;
		entry->code.address = address;
		HASH_ADD(hh, c->dump->codes, code.address, sizeof(address), entry);
		if (c->moment)
			continue;
		if (c->codes)
			pw_codes_touch(c->codes, c->python, address);
		else
			pw_code_touch(c->python, address);
	}
	return NULL;
}

void pw_capture_load_code(struct pw_capture *c, struct pw_code_entry *entry)
{
	if (entry->loaded)
		return;
	entry->loaded = true;
	entry->attempt = c->attempt;
	if (c->codes)
		pw_codes_load(c->codes, c->python, c->moment, entry);
	else
		pw_code_load(c->python, entry->code.address, &entry->code);
	if (entry->code.error)
		pw_capture_problem(c->dump, pw_error_message(entry->code.error));
}

void pw_capture_load_codes(struct pw_capture *c)
{
	struct pw_code_entry *entry, *next;
	HASH_ITER (hh, c->dump->codes, entry, next)
		pw_capture_load_code(c, entry);
}

void pw_capture_undo_codes(struct pw_capture *c)
{
	struct pw_code_entry *entry, *next;
	HASH_ITER (hh, c->dump->codes, entry, next)
		if (entry->loaded && entry->attempt == c->attempt)
			pw_code_entry_reset(entry);
}

void pw_capture_drop_codes(struct pw_capture *c)
{
	struct pw_code_entry *entry, *next;
	HASH_ITER (hh, c->dump->codes, entry, next) {
		if (entry->loaded)
			continue;
		HASH_DEL(c->dump->codes, entry);
		pw_code_entry_destroy(entry);
	}
}

/* The lists were read before: a thread may have ended since, and its thread state be gone. */
static bool is_still_there(struct pw_capture *c, const struct pw_tstate *tstate)
{
	const struct pw_layout *l = &c->python->layout;
	uint64_t interp, thread_id;
	pw_auto_error struct pw_error *e1 =
		pw_read_field(c->python, tstate->address, l->tstate_interp, &interp);
	pw_auto_error struct pw_error *e2 =
		pw_read_field(c->python, tstate->address, l->tstate_thread_id, &thread_id);
	return !e1 && interp == c->lists.interps[tstate->interp].address &&
	       (!pw_has(l, tstate_thread_id) || (!e2 && thread_id == tstate->thread_id));
}

struct pw_error *pw_capture_copy(struct pw_capture *c, size_t i)
{
	pw_capture_forget(c, i);
	pw_object_budget(c->python);
	if (c->session->target->ops->stop && !is_still_there(c, &c->lists.tstates[i]))
		return NULL;
	pw_frames_walk(c->python, c->lists.tstates[i].address, c->options->max_frames,
		       &c->copied[i].frames);
	c->copied[i].read = true;
	return touch_codes(c, &c->copied[i].frames);
}

void pw_capture_forget(struct pw_capture *c, size_t i)
{
	if (c->copied[i].read)
		pw_frames_deinit(&c->copied[i].frames);
	c->copied[i] = (struct pw_copied){0};
}

/* ---- what there is ---- */

void pw_capture_forget_all(struct pw_capture *c)
{
	for (size_t i = 0; c->copied && i < c->lists.tstate_count; i++)
		pw_capture_forget(c, i);
}

void pw_capture_deinit(struct pw_capture *c)
{
	pw_capture_forget_all(c);
	pw_locals_forget_seen(c);
	free(c->copied);
	pw_owners_deinit(&c->owners);
	pw_lists_deinit(&c->lists);
	pw_thread_names_deinit(&c->names);
	pw_unwinding_destroy(c->unwinding);
	pw_dump_destroy(c->dump);
}

static void read_names(struct pw_capture *c)
{
	if (c->options->no_names)
		return;
	for (size_t i = 0; i < c->lists.interp_count; i++)
		pw_thread_names_read(c->python, &c->lists.interps[i], &c->names);
}

/* Whose name is wanted; false: nobody's. */
static bool find_only_name(struct pw_capture *c)
{
	for (size_t i = 0; i < c->lists.tstate_count; i++)
		if (c->owners.lwps[i] && c->owners.lwps[i]->tid == c->options->only_thread)
			c->names.only = c->lists.tstates[i].thread_id;
	return c->names.only;
}

/* Lists and names change rarely and cost many reads: nothing stands still for them. */
struct pw_error *pw_capture_read_lists(struct pw_capture *c)
{
	struct pw_target *target = c->session->target;
	struct pw_error *error = pw_snapshot_begin(target);
	pw_object_budget(c->python);
	if (!error)
		error = pw_lists_read(c->python, &c->lists, &c->dump->problems);
	if (!error && !c->options->only_thread)
		read_names(c);
	if (!error && target->ops->refresh)
		error = target->ops->refresh(target);
	if (!error)
		error = pw_owners_find(target, &c->lists, !c->options->no_stop, &c->owners);
	if (!error && c->options->only_thread && find_only_name(c))
		read_names(c);
	/* A debugger's reads are kept for all of the dump. */
	if (target->ops->stop)
		pw_snapshot_end(target);
	return error;
}

static struct pw_error *make_interpreters(struct pw_capture *c)
{
	struct pw_dump *dump = c->dump;
	dump->interpreters = calloc(c->lists.interp_count + 1, sizeof(*dump->interpreters));
	if (!dump->interpreters)
		return &pw_error_nomem;
	for (size_t i = 0; i < c->lists.interp_count; i++) {
		const struct pw_interp *interp = &c->lists.interps[i];
		dump->interpreters[dump->interpreter_count++] =
			(struct pw_interpreter){interp->id, interp->address, interp->main};
	}
	return NULL;
}

/* ---- what belongs to no thread ---- */

static bool still_listed(const struct pw_runtime_lists *lists, uint64_t tstate)
{
	for (size_t i = 0; i < lists->tstate_count; i++)
		if (lists->tstates[i].address == tstate)
			return true;
	return false;
}

/* Thread states without an OS thread: shown when they are there a while later too, and not only
 * left by a thread that was just ending. */
static struct pw_error *take_orphans(struct pw_capture *c)
{
	struct pw_target *target = c->session->target;
	struct pw_runtime_lists later = {0};
	struct pw_notes notes = {0};
	struct pw_error *error = target->ops->stop ? pw_snapshot_begin(target) : NULL;
	if (!error && target->ops->stop)
		error = pw_lists_read(c->python, &later, &notes);
	for (size_t i = 0; !error && i < c->lists.tstate_count; i++)
		if (!c->owners.lwps[i] &&
		    (!target->ops->stop || still_listed(&later, c->lists.tstates[i].address)))
			error = pw_capture_copy(c, i);
	if (!error) {
		pw_capture_load_codes(c);
		error = pw_threads_add_orphans(c);
	}
	pw_lists_deinit(&later);
	pw_notes_deinit(&notes);
	return error;
}

static bool has_orphans(const struct pw_capture *c)
{
	for (size_t i = 0; i < c->lists.tstate_count; i++)
		if (!c->owners.lwps[i])
			return true;
	return false;
}

struct pw_error *pw_capture_make(struct pw_capture *c)
{
	struct pw_error *error = make_interpreters(c);
	c->copied = calloc(c->lists.tstate_count + 1, sizeof(*c->copied));
	if (!error)
		error = c->copied ? pw_threads_reserve(c) : &pw_error_nomem;
	return error ? error : pw_take_threads(c);
}

static struct pw_error *take_all(struct pw_capture *c)
{
	struct pw_error *error = pw_capture_read_lists(c);
	if (!error)
		error = pw_capture_make(c);
	if (!error && !c->options->only_thread && has_orphans(c))
		error = take_orphans(c);
	pw_snapshot_end(c->session->target);
	return error;
}

struct pw_error *pw_capture_init(struct pw_session *session,
				 const struct pw_capture_options *options, struct pw_capture *ret)
{
	enum { SEARCH_MAX = 1 << 24 };
	*ret = (struct pw_capture){
		.session = session, .python = &session->python, .options = options};
	session->search_left = SEARCH_MAX;
	ret->dump = calloc(1, sizeof(*ret->dump));
	return ret->dump ? NULL : &pw_error_nomem;
}

struct pw_error *pw_session_capture(struct pw_session *session,
				    const struct pw_capture_options *options, struct pw_dump **ret)
{
	static const struct pw_capture_options plain = {.size = sizeof(plain)};
	struct pw_capture c;
	if (options && options->size != sizeof(*options))
		return pw_error_create(PW_ERROR_USAGE,
				       "struct pw_capture_options has size %zu, expected %zu",
				       options->size, sizeof(*options));
	struct pw_error *error = pw_capture_init(session, options ? options : &plain, &c);
	if (!error)
		error = take_all(&c);
	if (!error) {
		*ret = c.dump;
		c.dump = NULL;
	}
	pw_capture_deinit(&c);
	return error;
}
