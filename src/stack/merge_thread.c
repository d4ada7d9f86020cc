/*
 * Merging one thread: prepares what merge.c needs (which native frames are evaluation functions,
 * what they hold), and turns its answer into frames.
 */
#include "stack/merge.h"
#include "stack/model.h"
#include "stack/native.h"

#include <stdlib.h>
#include <string.h>

enum { FRAME_BYTES_MAX = 1 << 16 };

struct merge {
	struct pw_session *session;
	const struct pw_native_frame *frames;
	const bool *folded; /* which of them are left out; NULL: none */
	size_t count;
	struct pw_merge_native *natives;
	struct pw_merge_python *pythons;
	struct pw_merge_item *items;
	uint64_t eval_start, eval_end; /* by its FDE; 0: unknown */
	bool lasting;
};

static void merge_deinit(struct merge *m)
{
	for (size_t i = 0; m->natives && i < m->count; i++)
		free((uint64_t *)m->natives[i].words);
	free(m->natives);
	free(m->pythons);
	free(m->items);
}

bool pw_is_eval_symbol(const struct pw_session *session, const char *symbol)
{
	const char *name = pw_eval_name(&session->python);
	size_t length = strlen(name);
	if (strncmp(symbol, "_TAIL_CALL_", 11) == 0)
		return true;
	return strncmp(symbol, name, length) == 0 && (symbol[length] == 0 || symbol[length] == '.');
}

static void find_eval_range(struct merge *m)
{
	uint64_t address = m->session->python.eval;
	if (address &&
	    !pw_module_function(m->session->modules, address, &m->eval_start, &m->eval_end))
		m->eval_start = m->eval_end = 0;
}

static bool is_eval(const struct merge *m, const struct pw_native_frame *frame)
{
	if (frame->symbol && pw_is_eval_symbol(m->session, frame->symbol))
		return true;
	return frame->pc >= m->eval_start && frame->pc < m->eval_end;
}

/* Where what is an evaluation frame's begins: behind a gap, with the gap, whose frames have saved
 * its registers somewhere. */
static uint64_t words_begin(const struct merge *m, size_t index)
{
	uint64_t sp = m->frames[index].sp;
	for (size_t i = index; i > 0 && i + 64 > index; i--) {
		const struct pw_native_frame *newer = &m->frames[i - 1];
		if (newer->inlined && !newer->reason)
			continue;
		if (newer->reason && i > 1 && m->frames[i - 2].sp <= sp &&
		    sp - m->frames[i - 2].sp < FRAME_BYTES_MAX / 2)
			return m->frames[i - 2].sp & ~UINT64_C(7);
		break;
	}
	return sp;
}

/* What an evaluation frame holds: its part of the stack, and the registers as unwound to it. */
static bool read_words(struct merge *m, size_t index, struct pw_merge_native *to)
{
	const struct pw_native_frame *frame = &m->frames[index];
	uint64_t begin = words_begin(m, index);
	size_t size = frame->cfa > begin ? frame->cfa - begin : 0, done = 0;
	unsigned registers = frame->register_count;
	if (registers > PW_REGISTER_COUNT)
		registers = PW_REGISTER_COUNT;
	if (size > FRAME_BYTES_MAX)
		size = FRAME_BYTES_MAX;
	uint64_t *words = malloc(size + registers * sizeof(*words) + 8);
	enum pw_supplier supplier;
	if (!words)
		return false;
	pw_error_destroy(pw_read_some(m->session->target, begin, words, size, &done, &supplier));
	memcpy(words + done / 8, frame->registers, registers * sizeof(*words));
	to->words = words;
	to->word_count = done / 8 + registers;
	return true;
}

static struct pw_error *prepare(struct merge *m, const struct pw_thread *thread)
{
	m->natives = calloc(m->count + 1, sizeof(*m->natives));
	m->pythons = calloc(thread->python_count + 1, sizeof(*m->pythons));
	m->items = calloc(m->count + thread->python_count + 1, sizeof(*m->items));
	if (!m->natives || !m->pythons || !m->items)
		return &pw_error_nomem;
	enum pw_frame_model model = m->session->python.layout.traits.frames;
	bool objects = model == PW_FRAMES_OBJECT || model == PW_FRAMES_OBJECT_CFRAME,
	     pointers = false;
	for (size_t i = 0; i < thread->python_count; i++) {
		const struct pw_frame *frame = &thread->python[i];
		bool pointer = objects && !frame->python.anchor;
		m->pythons[i] = (struct pw_merge_python){frame->python.anchor,
							 pointer ? frame->python.address : 0,
							 frame->python.entry, frame->chain};
		pointers = pointers || pointer;
	}
	find_eval_range(m);
	for (size_t i = 0; i < m->count; i++) {
		const struct pw_native_frame *frame = &m->frames[i];
		m->natives[i] = (struct pw_merge_native){
			frame->sp,	   frame->cfa, frame->inlined || frame->reason,
			is_eval(m, frame), NULL,       0};
		if (pointers && m->natives[i].eval && !frame->inlined &&
		    !read_words(m, i, &m->natives[i]))
			return &pw_error_nomem;
	}
	return NULL;
}

/* A copy that the thread owns; equal neighbours share one. */
static const char *keep_string(struct pw_thread *thread, const char *text)
{
	if (!text)
		return NULL;
	for (size_t i = thread->string_count; i-- > 0 && thread->string_count - i <= 16;)
		if (strcmp(thread->strings[i], text) == 0)
			return thread->strings[i];
	size_t n = thread->string_count;
	if (!(n & (n - 1))) {
		char **more = realloc(thread->strings, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return NULL;
		thread->strings = more;
	}
	char *copy = strdup(text);
	if (copy)
		thread->strings[thread->string_count++] = copy;
	return copy;
}

static const char *keep(const struct merge *m, struct pw_thread *thread, const char *text)
{
	return m->lasting ? text : keep_string(thread, text);
}

static void fill_native(const struct merge *m, struct pw_thread *thread, size_t index,
			struct pw_frame *to)
{
	const struct pw_native_frame *from = &m->frames[index];
	struct pw_symbol symbol;
	struct pw_module *module = NULL;
	*to = (struct pw_frame){.kind = from->reason ? PW_FRAME_GAP : PW_FRAME_NATIVE,
				.native_index = (int64_t)index,
				.pc = from->pc,
				.sp = from->sp,
				.inlined = from->inlined,
				.signal = from->signal};
	to->location = (struct pw_location){from->line, 0, -1, -1};
	to->file = keep(m, thread, from->file);
	to->reason = keep_string(thread, from->reason);
	if (from->reason)
		return;
	to->symbol = keep(m, thread, from->symbol);
	to->module = keep(m, thread, from->module);
	if (to->symbol && from->symbol_start && from->symbol_start <= from->pc)
		to->offset = from->pc - from->symbol_start;
	/* A return address may stand behind the end of its function: look up the call. */
	bool exact = index == 0 || m->frames[index - 1].signal;
	uint64_t lookup = exact ? from->pc : from->pc - 1;
	if (!m->lasting && (!to->symbol || !from->symbol_start) && !from->inlined &&
	    pw_modules_symbolize(m->session->modules, lookup, &symbol, &module)) {
		if (!to->symbol)
			to->symbol = keep_string(thread, symbol.name);
		to->offset = from->pc - symbol.address;
	}
	if (!to->module) {
		module = pw_modules_find(m->session->modules, from->pc);
		to->module = keep_string(thread, module ? module->path : NULL);
	}
}

static bool is_kept(const struct merge *m, size_t native)
{
	return !m->folded || !m->folded[native];
}

/* Turns the answer into the thread's list. */
static struct pw_error *take_over(const struct merge *m, struct pw_thread *thread)
{
	size_t total = m->count + thread->python_count, kept = 0, used = 0;
	for (size_t i = 0; i < m->count; i++)
		kept += is_kept(m, i);
	struct pw_frame **merged = malloc((kept + thread->python_count + 1) * sizeof(*merged));
	struct pw_frame *native = malloc((kept + 1) * sizeof(*native));
	if (!merged || !native) {
		free(merged);
		free(native);
		return &pw_error_nomem;
	}
	pw_thread_forget_merge(thread);
	thread->merged = merged;
	thread->native = native;
	for (size_t i = 0; i < total; i++) {
		const struct pw_merge_item *item = &m->items[i];
		struct pw_frame *frame;
		if (item->kind == PW_FRAME_PYTHON) {
			frame = &thread->python[item->index];
			frame->proof = item->proof;
			frame->native_index = item->native;
		} else if (is_kept(m, item->index)) {
			frame = &native[used++];
			fill_native(m, thread, item->index, frame);
		} else {
			continue;
		}
		merged[thread->merged_count++] = frame;
	}
	return NULL;
}

static struct pw_error *merge(struct merge *m, struct pw_thread *thread)
{
	struct pw_error *error = prepare(m, thread);
	if (!error && !pw_merge(m->natives, m->count, m->pythons, thread->python_count, m->items))
		error = &pw_error_nomem;
	if (!error)
		error = take_over(m, thread);
	merge_deinit(m);
	return error;
}

struct pw_error *pw_thread_merge(struct pw_session *session, struct pw_dump *dump,
				 struct pw_thread *thread, const struct pw_native_frame *frames,
				 size_t count)
{
	struct merge m = {.session = session, .frames = frames, .count = count};
	return merge(&m, thread);
}

struct pw_error *pw_thread_merge_frames(struct pw_session *session, struct pw_thread *thread,
					const struct pw_native_frame *frames, const bool *folded,
					size_t count)
{
	struct merge m = {.session = session,
			  .frames = frames,
			  .folded = folded,
			  .count = count,
			  .lasting = true};
	return merge(&m, thread);
}
