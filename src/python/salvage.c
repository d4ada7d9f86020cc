#include "python/salvage.h"

#include "python/code.h"
#include "python/frame.h"
#include "python/object.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK = 1 << 18,
	FRAMES = 1024, /* of a thread state, looked at before it is believed */
	PID_MAX_LIMIT = 1 << 22,
};

/* How much memory is searched in all. */
static const uint64_t search_max = UINT64_C(4) << 30;

bool pw_may_be_cut(const struct pw_python *python)
{
	return strcmp(python->target->ops->kind, "core") == 0;
}

/* ---- what a thread state looks like ---- */

struct shape {
	struct pw_python *python;
	size_t thread_id, next, interp, frame; /* offsets in the thread state */
	size_t native_id;		       /* ... 0: this version has none */
	size_t chunk, top, limit;	       /* of the data stack; 0: it has none */
	size_t size;			       /* that holds them all */
	uint64_t *pointers;		       /* threads' pointers, sorted; none: not known */
	size_t pointer_count;
};

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static size_t offset_of(struct pw_field field)
{
	return field.offset >= 0 ? (size_t)field.offset : 0;
}

static struct pw_error *shape_init(struct pw_python *python, struct shape *ret)
{
	const struct pw_layout *l = &python->layout;
	const struct pw_target *target = python->target;
	const struct pw_field frame = pw_has(l, tstate_current_frame) ? l->tstate_current_frame
				      : pw_has(l, tstate_frame)	      ? l->tstate_frame
								      : l->tstate_cframe;
	*ret = (struct shape){
		.python = python,
		.thread_id = (size_t)l->tstate_thread_id.offset,
		.next = (size_t)l->tstate_next.offset,
		.interp = (size_t)l->tstate_interp.offset,
		.frame = (size_t)frame.offset,
		.native_id = offset_of(l->tstate_native_thread_id),
		.chunk = offset_of(l->tstate_datastack_chunk),
		.top = offset_of(l->tstate_datastack_top),
		.limit = offset_of(l->tstate_datastack_limit),
	};
	const size_t offsets[] = {ret->thread_id, ret->next,  ret->interp, ret->frame,
				  ret->native_id, ret->chunk, ret->top,	   ret->limit};
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		if (ret->size < offsets[i] + 8)
			ret->size = offsets[i] + 8;
	ret->pointers = calloc(target->lwp_count + 1, sizeof(*ret->pointers));
	if (!ret->pointers)
		return &pw_error_nomem;
	for (size_t i = 0; i < target->lwp_count; i++)
		if (target->lwps[i].regs.thread_pointer)
			ret->pointers[ret->pointer_count++] = target->lwps[i].regs.thread_pointer;
	qsort(ret->pointers, ret->pointer_count, sizeof(*ret->pointers), compare);
	return NULL;
}

static uint64_t word(const uint8_t *bytes, size_t offset)
{
	uint64_t value;
	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

/* Whether a value can be the address of an object in user space. */
static bool is_pointer(uint64_t value)
{
	return value >= 65536 && value < UINT64_C(1) << 47 && value % 8 == 0;
}

/* A thread that runs generators of others, and nothing else, has none: it is believed of one that
 * the core knows. */
static bool has_datastack(const struct shape *shape, const uint8_t *bytes)
{
	if (!shape->chunk || !shape->top || !shape->limit)
		return true;
	if (shape->pointer_count && !word(bytes, shape->chunk))
		return true;
	return pw_is_datastack(word(bytes, shape->chunk), word(bytes, shape->top),
			       word(bytes, shape->limit));
}

/* By the words alone: cheap, for every place of the memory. */
static bool looks_right(const struct shape *shape, const uint8_t *bytes)
{
	uint64_t id = word(bytes, shape->thread_id), next = word(bytes, shape->next);
	if (!is_pointer(id) || !is_pointer(word(bytes, shape->interp)) ||
	    !is_pointer(word(bytes, shape->frame)) || (next && !is_pointer(next)))
		return false;
	if (shape->native_id && word(bytes, shape->native_id) - 1 >= PID_MAX_LIMIT)
		return false;
	if (!has_datastack(shape, bytes))
		return false;
	if (!shape->pointer_count)
		return true;
	return bsearch(&id, shape->pointers, shape->pointer_count, sizeof(id), compare) != NULL;
}

static bool is_whole(struct pw_python *python, uint64_t address)
{
	struct pw_code code;
	pw_code_load(python, address, &code);
	bool whole = !code.error && code.firstlineno >= 0;
	pw_code_deinit(&code);
	return whole;
}

/* Whether the frames lead to a code object: one that the interpreter's own type tells, or, where
 * that is lost, one that is whole. */
static bool runs_python(struct pw_python *python, uint64_t tstate)
{
	struct pw_pyframes frames;
	bool found = false;
	pw_frames_walk(python, tstate, FRAMES, &frames);
	for (size_t i = 0; !found && i < frames.count; i++) {
		uint64_t code = frames.items[i].code;
		pw_auto_error struct pw_error *error = pw_object_check_code(python, code);
		found = !error && (python->id.module || is_whole(python, code));
	}
	pw_frames_deinit(&frames);
	return found;
}

/* What an interpreter's list says of a thread state. */
enum listing { LISTED, NOT_LISTED, LIST_LOST };

static enum listing find_in_list(const struct shape *shape, uint64_t interp, uint64_t tstate)
{
	struct pw_target *target = shape->python->target;
	uint64_t at, back;
	pw_auto_error struct pw_error *error = pw_read_u64(
		target, interp + (uint64_t)shape->python->layout.interp_threads_head.offset, &at);
	if (error)
		return LIST_LOST;
	for (size_t i = 0; i < PW_TSTATE_MAX && is_pointer(at); i++) {
		if (at == tstate)
			return LISTED;
		pw_auto_error struct pw_error *e1 = pw_read_u64(target, at + shape->interp, &back);
		if (e1)
			return LIST_LOST;
		if (back != interp)
			return NOT_LISTED;
		pw_auto_error struct pw_error *e2 = pw_read_u64(target, at + shape->next, &at);
		if (e2)
			return LIST_LOST;
	}
	return NOT_LISTED;
}

/* Its neighbour in the list, if that is there, has the same interpreter and points back: `prev`
 * stands in front of `next` since 3.4. */
static bool fits_next(const struct shape *shape, uint64_t address, const uint8_t *bytes)
{
	struct pw_target *target = shape->python->target;
	uint64_t next = word(bytes, shape->next), interp, prev;
	if (!next)
		return true;
	pw_auto_error struct pw_error *e1 = pw_read_u64(target, next + shape->interp, &interp);
	if (e1)
		return true;
	if (interp != word(bytes, shape->interp))
		return false;
	if (shape->python->layout.traits.python2)
		return true;
	pw_auto_error struct pw_error *e2 = pw_read_u64(target, next + shape->next - 8, &prev);
	return e2 || prev == address;
}

/* The same of the neighbour on the other side: what has been taken off the list still points at it.
 */
static bool fits_prev(const struct shape *shape, uint64_t address, const uint8_t *bytes)
{
	uint64_t prev, next;
	if (shape->python->layout.traits.python2 || !(prev = word(bytes, shape->next - 8)))
		return true;
	pw_auto_error struct pw_error *error =
		pw_read_u64(shape->python->target, prev + shape->next, &next);
	return error ? pw_target_mapping(shape->python->target, prev) != NULL : next == address;
}

/*
 * Whether a thread state whose interpreter is lost, of a thread that the core does not know, names
 * a thread by both its numbers: pthread_self() leads to the other one in glibc's struct pthread, or
 * into what is lost.
 */
static bool names_thread(const struct shape *shape, const uint8_t *bytes)
{
	enum { ALIGNMENT = 16 };
	struct pw_target *target = shape->python->target;
	uint64_t id = word(bytes, shape->thread_id);
	uint32_t number;
	if (!shape->native_id || id % ALIGNMENT ||
	    !pw_target_mapping(target, word(bytes, shape->interp)))
		return false;
	pw_auto_error struct pw_error *error =
		pw_read_u32(target, id + target->arch->glibc_pthread_tid, &number);
	return error ? pw_target_mapping(target, id) != NULL
		     : number == word(bytes, shape->native_id);
}

static bool is_tstate(const struct shape *shape, uint64_t address, const uint8_t *bytes)
{
	if (!fits_next(shape, address, bytes) || !fits_prev(shape, address, bytes))
		return false;
	switch (find_in_list(shape, word(bytes, shape->interp), address)) {
	case LISTED:
		break;
	case NOT_LISTED:
		return false;
	case LIST_LOST:
		if (!shape->pointer_count && !names_thread(shape, bytes))
			return false;
	}
	return runs_python(shape->python, address);
}

/* ---- searching ---- */

/*
 * Of several candidates for one thread, where all but one look so by chance, those of the
 * interpreter that most candidates have.
 */
struct candidate {
	uint64_t address, thread_id, interp;
	size_t votes;
};

static uint64_t field_of(struct pw_python *python, uint64_t address, struct pw_field field)
{
	uint64_t value = 0;
	pw_error_destroy(pw_read_field(python, address, field, &value));
	return value;
}

static int by_interp(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->interp < y->interp ? -1 : x->interp > y->interp;
}

static int by_thread(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->thread_id != y->thread_id)
		return x->thread_id < y->thread_id ? -1 : 1;
	return x->votes > y->votes ? -1 : x->votes < y->votes;
}

static void count_votes(struct candidate *all, size_t count)
{
	qsort(all, count, sizeof(*all), by_interp);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i; end < count && all[end].interp == all[i].interp; end++)
			;
		for (size_t k = i; k < end; k++)
			all[k].votes = end - i;
	}
}

static struct pw_error *choose_candidates(struct pw_python *python)
{
	struct pw_salvage *salvage = &python->salvage;
	const struct pw_layout *l = &python->layout;
	size_t count = salvage->count;
	struct candidate *all = calloc(count + 1, sizeof(*all));
	if (!all)
		return &pw_error_nomem;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = salvage->tstates[i];
		all[i] = (struct candidate){at, field_of(python, at, l->tstate_thread_id),
					    field_of(python, at, l->tstate_interp), 0};
	}
	count_votes(all, count);
	qsort(all, count, sizeof(*all), by_thread);
	salvage->count = 0;
	for (size_t i = 0, first = 0; i < count; i++) {
		if (all[i].thread_id != all[first].thread_id)
			first = i;
		if (all[i].votes == all[first].votes)
			salvage->tstates[salvage->count++] = all[i].address;
	}
	free(all);
	return NULL;
}

static struct pw_error *keep(struct pw_python *python, uint64_t address)
{
	struct pw_salvage *salvage = &python->salvage;
	size_t n = salvage->count;
	if (n == PW_TSTATE_MAX)
		return NULL;
	if (!(n & (n - 1))) {
		uint64_t *more = realloc(salvage->tstates, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return &pw_error_nomem;
		salvage->tstates = more;
	}
	salvage->tstates[salvage->count++] = address;
	return NULL;
}

static struct pw_error *search_chunk(const struct shape *shape, uint64_t address,
				     const uint8_t *bytes, size_t length)
{
	struct pw_error *error = NULL;
	for (size_t i = 0; !error && i + shape->size <= length; i += 8)
		if (looks_right(shape, bytes + i) && is_tstate(shape, address + i, bytes + i))
			error = keep(shape->python, address + i);
	return error;
}

static struct pw_error *search_mapping(const struct shape *shape, const struct pw_mapping *mapping,
				       uint8_t *chunk, uint64_t *left)
{
	struct pw_error *error = NULL;
	size_t overlap = (shape->size + 7) & ~(size_t)7;
	for (uint64_t at = mapping->start; !error && at < mapping->end && *left;
	     at += CHUNK - overlap) {
		size_t done = 0, want = mapping->end - at < CHUNK ? mapping->end - at : CHUNK;
		error = pw_read_some(shape->python->target, at, chunk, want, &done, NULL);
		*left -= done < *left ? done : *left;
		if (!error)
			error = search_chunk(shape, at, chunk, done);
		if (done < CHUNK)
			break;
	}
	return error;
}

static struct pw_error *search(struct pw_python *python)
{
	const struct pw_target *target = python->target;
	uint64_t left = search_max;
	struct shape shape;
	struct pw_error *error = shape_init(python, &shape);
	uint8_t *chunk = malloc(CHUNK);
	if (!error && !chunk)
		error = &pw_error_nomem;
	for (size_t i = 0; !error && i < target->mapping_count; i++)
		if (target->mappings[i].writable)
			error = search_mapping(&shape, &target->mappings[i], chunk, &left);
	free(chunk);
	free(shape.pointers);
	if (!error)
		error = choose_candidates(python);
	python->salvage.done = !error;
	return error;
}

/* ---- the lists ---- */

/* The interpreter's place in the list, where it is put if it is not there. */
static struct pw_error *find_interp(struct pw_python *python, struct pw_runtime_lists *lists,
				    uint64_t address, size_t *ret)
{
	const struct pw_layout *l = &python->layout;
	for (*ret = 0; *ret < lists->interp_count; (*ret)++)
		if (lists->interps[*ret].address == address)
			return NULL;
	struct pw_interp *more = realloc(lists->interps, (lists->interp_count + 1) * sizeof(*more));
	if (!more)
		return &pw_error_nomem;
	lists->interps = more;
	uint64_t id = lists->interp_count;
	if (pw_has(l, interp_id))
		pw_error_destroy(pw_read_field(python, address, l->interp_id, &id));
	more[lists->interp_count++] = (struct pw_interp){address, (int64_t)id, id == 0, 0};
	return NULL;
}

static struct pw_error *add_tstate(struct pw_python *python, struct pw_runtime_lists *lists,
				   uint64_t address)
{
	const struct pw_layout *l = &python->layout;
	struct pw_tstate tstate = {.address = address, .holds_gil = PW_UNKNOWN};
	uint64_t interp;
	struct pw_error *error = pw_read_field(python, address, l->tstate_interp, &interp);
	if (!error)
		error = pw_read_field(python, address, l->tstate_thread_id, &tstate.thread_id);
	if (!error && pw_has(l, tstate_native_thread_id))
		error = pw_read_field(python, address, l->tstate_native_thread_id,
				      &tstate.native_id);
	if (!error)
		error = find_interp(python, lists, interp, &tstate.interp);
	struct pw_tstate *more =
		error ? NULL : realloc(lists->tstates, (lists->tstate_count + 1) * sizeof(*more));
	if (!error && !more)
		error = &pw_error_nomem;
	if (error)
		return error;
	lists->tstates = more;
	more[lists->tstate_count++] = tstate;
	return NULL;
}

/* Addresses of the thread states that the lists have, sorted; the caller frees them. */
static uint64_t *listed(const struct pw_runtime_lists *lists)
{
	uint64_t *addresses = calloc(lists->tstate_count + 1, sizeof(*addresses));
	for (size_t i = 0; addresses && i < lists->tstate_count; i++)
		addresses[i] = lists->tstates[i].address;
	if (addresses)
		qsort(addresses, lists->tstate_count, sizeof(*addresses), compare);
	return addresses;
}

void pw_salvage_forget(struct pw_python *python)
{
	free(python->salvage.tstates);
	python->salvage = (struct pw_salvage){0};
}

struct pw_error *pw_lists_salvage(struct pw_python *python, struct pw_runtime_lists *lists,
				  struct pw_notes *notes)
{
	struct pw_salvage *salvage = &python->salvage;
	struct pw_error *error = salvage->done ? NULL : search(python);
	size_t before = lists->tstate_count;
	uint64_t *known = error ? NULL : listed(lists);
	if (!error && !known)
		error = &pw_error_nomem;
	for (size_t i = 0; !error && i < salvage->count; i++)
		if (!bsearch(&salvage->tstates[i], known, before, sizeof(*known), compare))
			error = add_tstate(python, lists, salvage->tstates[i]);
	free(known);
	if (!error && lists->tstate_count > before)
		pw_notes_add(
			notes,
			"%zu thread states were found by a search of the core's memory; others "
			"may be missing",
			lists->tstate_count - before);
	return error;
}
