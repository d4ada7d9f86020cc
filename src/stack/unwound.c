/*
 * A thread's native frames: unwound, named, merged with its Python frames, and folded.
 */
#include "stack/capture.h"
#include "stack/native.h"

#include "binary/names.h"

#include "stack/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* The anchors of a thread's evaluation frames, ascending. */
static uint64_t *anchors_of(const struct pw_thread *thread, size_t *ret_count)
{
	uint64_t *anchors = malloc((thread->python_count + 1) * sizeof(*anchors));
	*ret_count = 0;
	for (size_t i = 0; anchors && i < thread->python_count; i++)
		if (thread->python[i].python.anchor)
			anchors[(*ret_count)++] = thread->python[i].python.anchor;
	if (anchors)
		qsort(anchors, *ret_count, sizeof(*anchors), compare_addresses);
	return anchors;
}

/* The frame objects of a thread's evaluation frames that have no anchor. */
static uint64_t *pointers_of(const struct pw_session *session, const struct pw_thread *thread,
			     size_t *ret_count)
{
	enum pw_frame_model model = session->python.layout.traits.frames;
	uint64_t *pointers = malloc((thread->python_count + 1) * sizeof(*pointers));
	*ret_count = 0;
	if (model != PW_FRAMES_OBJECT && model != PW_FRAMES_OBJECT_CFRAME)
		return pointers;
	for (size_t i = 0; pointers && i < thread->python_count; i++)
		if (!thread->python[i].python.anchor)
			pointers[(*ret_count)++] = thread->python[i].python.address;
	if (pointers)
		qsort(pointers, *ret_count, sizeof(*pointers), compare_addresses);
	return pointers;
}

/* ---- names ---- */

struct named {
	struct pw_native_frame *items; /* owned */
	bool *folds;		       /* of each; owned */
	size_t count, capacity;
};

/* What unwinding a thread needs; the next one uses its memory again. */
struct pw_unwinding {
	struct pw_native_walk walk;
	struct named named;
};

void pw_unwinding_destroy(struct pw_unwinding *unwinding)
{
	if (!unwinding)
		return;
	pw_native_walk_deinit(&unwinding->walk);
	free(unwinding->named.items);
	free(unwinding->named.folds);
	free(unwinding);
}

static bool grow(struct named *named, size_t more)
{
	if (named->count + more <= named->capacity)
		return true;
	size_t capacity = (named->count + more) * 2;
	struct pw_native_frame *items = realloc(named->items, capacity * sizeof(*items));
	if (items)
		named->items = items;
	bool *folds = realloc(named->folds, capacity * sizeof(*folds));
	if (folds)
		named->folds = folds;
	if (!items || !folds)
		return false;
	named->capacity = capacity;
	return true;
}

/* A frame's names: those of functions inlined into it come before its own.  What will be folded
 * away needs none. */
static bool add_named(struct pw_session *session, const struct pw_native_frame *from, bool exact,
		      bool folded, struct named *to)
{
	static const struct pw_names none = {0};
	uint64_t lookup = exact ? from->pc : from->pc - 1;
	const struct pw_names *names = &none;
	bool folds = false;
	if (!from->reason) {
		names = pw_modules_names(session->modules, lookup, !folded);
		const char *symbol = names->count ? names->items[names->count - 1].symbol : NULL;
		folds = folded && !from->signal && pw_folds(session, from->pc, symbol);
		if (folded && !folds)
			names = pw_modules_names(session->modules, lookup, true);
	}
	if (!grow(to, names->count + 1) || !to->items)
		return false;
	for (size_t i = 0; i < names->count; i++) {
		const struct pw_native_name *name = &names->items[i];
		struct pw_native_frame *frame = &to->items[to->count];
		to->folds[to->count++] = folds;
		*frame = *from;
		frame->symbol = name->function ? name->function : name->symbol;
		frame->module = names->module ? names->module->path : NULL;
		frame->file = name->file;
		frame->line = name->line;
		frame->inlined = name->inlined;
		frame->symbol_start = name->inlined ? 0 : names->symbol_address;
	}
	if (!names->count) {
		to->items[to->count] = *from;
		to->folds[to->count++] = folds;
	}
	return true;
}

static bool name_all(struct pw_session *session, const struct pw_native_walk *walk, bool folded,
		     struct named *ret)
{
	for (size_t i = 0; i < walk->count; i++) {
		bool exact = i == 0 || walk->frames[i - 1].signal;
		if (!add_named(session, &walk->frames[i], exact, folded, ret))
			return false;
	}
	return true;
}

/* ---- what is missing ---- */

static bool has_unproved(const struct pw_thread *thread)
{
	for (size_t i = 0; i < thread->python_count; i++)
		if (thread->python[i].proof == PW_PROOF_NONE ||
		    thread->python[i].proof == PW_PROOF_ORDER)
			return true;
	return false;
}

static void report_end(struct pw_dump *dump, struct pw_thread *thread,
		       const struct pw_native_walk *walk)
{
	thread->native_end = walk->end;
	thread->native_end_address = walk->end_address;
	if (walk->end == PW_NATIVE_END_COMPLETE)
		return;
	free(thread->native_end_message);
	thread->native_end_message = strdup(walk->end_message);
	char text[256];
	snprintf(text, sizeof(text), "thread %" PRIu64 ": native frames end early (%s): %s",
		 thread->tid, pw_native_end_name(walk->end), walk->end_message);
	pw_capture_problem(dump, text);
}

/* Libraries come and go between two looks, often in the same place: frames of one that is not there
 * any more, or was not yet when they were copied, were unwound by another's rules, and would get
 * its names. */
static bool are_there(struct pw_capture *c, const struct pw_native_walk *walk)
{
	enum { MEMORY = 16 };
	struct pw_modules *modules = c->session->modules;
	const struct pw_module *seen[MEMORY] = {NULL};
	for (size_t i = 0, next = 0; i < walk->count; i++) {
		const struct pw_module *module = pw_modules_find(modules, walk->frames[i].pc);
		bool known = !module;
		for (size_t k = 0; !known && k < MEMORY; k++)
			known = seen[k] == module;
		if (known)
			continue;
		if (c->moment && c->moment < module->since)
			return false;
		if (!pw_module_is_there(modules, module)) {
			c->moved = true;
			return false;
		}
		seen[next++ % MEMORY] = module;
	}
	return true;
}

/* Nothing is said of such a thread. */
static struct pw_error *forget_moved(struct pw_capture *c, struct pw_thread *thread)
{
	thread->end = PW_END_UNREADABLE;
	free(thread->end_message);
	thread->end_message = strdup("a library was unloaded meanwhile");
	return thread->end_message ? NULL : &pw_error_nomem;
}

static struct pw_error *unwind(struct pw_capture *c, const struct pw_lwp *lwp,
			       const struct pw_native_hints *hints, struct pw_thread *thread)
{
	struct pw_native_walk *walk = &c->unwinding->walk;
	struct named *named = &c->unwinding->named;
	bool folded = c->options->native == PW_NATIVE_FOLDED;
	pw_native_walk(c->session, &lwp->regs, hints, walk);
	if (c->follow && !are_there(c, walk))
		return forget_moved(c, thread);
	/* What compressed debug files would add to source lines costs more than the rest of the
	 * dump. */
	c->session->modules->inflate_max = folded;
	named->count = 0;
	if (!name_all(c->session, walk, folded, named))
		return &pw_error_nomem;
	return pw_thread_merge_frames(c->session, thread, named->items,
				      folded ? named->folds : NULL, named->count);
}

struct pw_error *pw_thread_unwind(struct pw_capture *c, const struct pw_lwp *lwp,
				  struct pw_thread *thread, struct pw_lack *ret)
{
	struct pw_native_hints hints;
	uint64_t *anchors = anchors_of(thread, &hints.anchor_count);
	uint64_t *pointers = pointers_of(c->session, thread, &hints.pointer_count);
	if (!c->unwinding)
		c->unwinding = calloc(1, sizeof(*c->unwinding));
	hints.anchors = anchors;
	hints.pointers = pointers;
	struct pw_error *error = anchors && pointers && c->unwinding
					 ? unwind(c, lwp, &hints, thread)
					 : &pw_error_nomem;
	free(anchors);
	free(pointers);
	if (error)
		return error;
	const struct pw_native_walk *walk = &c->unwinding->walk;
	ret->missing = walk->missing;
	ret->registers =
		!lwp->has_regs && (walk->wants_registers || walk->gap_count ||
				   walk->end != PW_NATIVE_END_COMPLETE || has_unproved(thread));
	report_end(c->dump, thread, walk);
	return NULL;
}
