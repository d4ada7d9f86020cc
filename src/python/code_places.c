/*
 * Places in bytecode.  Entry sequence: _co_firsttraceable is the index of the RESUME (3.11+,
 * Objects/codeobject.c); behind it, a function's body begins.  Copies of bytecode: co_tlbc (3.14+
 * free-threaded).
 */
#include "python/code_search.h"

#include <inttypes.h>
#include <string.h>

/* Where the instructions are, and how many bytes of them. */
static struct pw_error *find_bytecode(struct pw_python *python, uint64_t code, uint64_t *ret_start,
				      uint64_t *ret_size)
{
	const struct pw_layout *l = &python->layout;
	struct pw_error *error;
	if (pw_has(l, code_adaptive)) {
		*ret_start = code + (uint64_t)l->code_adaptive.offset;
		error = pw_read_field(python, code, l->var_size, ret_size);
		*ret_size *= 2;
	} else {
		error = pw_read_field(python, code, l->code_code, ret_start);
		if (!error)
			error = pw_read_field(python, *ret_start, l->var_size, ret_size);
		*ret_start += (uint64_t)l->bytes_data.offset;
	}
	if (!error && *ret_size > PW_BYTECODE_MAX)
		error = pw_error_create_at(PW_ERROR_CORRUPT, code,
					   "code object 0x%" PRIx64 ": %" PRIu64
					   " bytes of bytecode are not believed",
					   code, *ret_size);
	return error;
}

/* Whether the first instruction is one to which the function may jump back: 2.7-3.10,
 * Include/opcode.h, where all jumps backward name their target. */
static bool jumps_to_start(struct pw_python *python, uint64_t start, uint64_t size)
{
	enum { EXTENDED_ARG = 144, HAVE_ARGUMENT = 90, PIECE = 1 << 12 };
	/* JUMP_IF_FALSE_OR_POP and _TRUE_, JUMP_ABSOLUTE, POP_JUMP_IF_FALSE and _TRUE,
	 * CONTINUE_LOOP */
	static const uint8_t jumps[] = {111, 112, 113, 114, 115, 119};
	bool words = !python->layout.traits.python2;
	uint8_t op = 0, before = 0, piece[PIECE + 2];
	for (uint64_t at = 0, from = 0, to = 0; at + 1 < size;) {
		if (at + 3 > to && to < size) {
			from = at;
			to = size - at < PIECE ? size : at + PIECE;
			pw_auto_error struct pw_error *error =
				pw_read(python->target, start + from, piece, to - from);
			if (error)
				return true;
			memset(piece + (to - from), 0, 2);
		}
		before = op == EXTENDED_ARG ? 1 : 0;
		op = piece[at - from];
		bool with_argument = words || op >= HAVE_ARGUMENT;
		unsigned argument = piece[at - from + 1];
		if (!words && with_argument)
			argument |= (unsigned)piece[at - from + 2] << 8;
		if (with_argument && !before && argument == 0 && memchr(jumps, op, sizeof(jumps)))
			return true;
		at += words ? 2 : with_argument ? 3 : 1;
	}
	return false;
}

struct places {
	const struct pw_code *code;
	enum pw_line_table format;
	uint64_t start, size;
	int64_t entry; /* offset of the body's first instruction */
	bool again;
	pw_code_place_visit visit;
	void *data;
};

static bool give(const struct places *p, int64_t offset, int line, bool starts)
{
	struct pw_code_place place = {
		.address = p->start + (uint64_t)offset,
		.offset = (uint64_t)offset,
		.line = line,
		.line_starts = starts,
		.body = offset == p->entry,
		.again = offset == p->entry && p->again,
	};
	return p->visit(p->data, &place);
}

/* Instructions without a line belong to the one before. */
static void walk_lines(const struct places *p)
{
	int line = 0;
	int64_t offset = 0, end;
	while (offset < (int64_t)p->size) {
		struct pw_location at =
			pw_lines_span(p->format, (const uint8_t *)p->code->table.data,
				      p->code->table.length, p->code->firstlineno, offset, &end);
		bool starts = at.line > 0 && at.line != line;
		bool inside = p->entry >= offset && p->entry < end;
		if (at.line > 0)
			line = at.line;
		if (starts && !give(p, offset, line, true))
			return;
		if (inside && !(starts && p->entry == offset) && !give(p, p->entry, line, false))
			return;
		if (end <= offset)
			return;
		offset = end;
	}
}

struct pw_error *pw_code_places(struct pw_python *python, uint64_t code, pw_code_place_visit visit,
				void *data)
{
	enum { TABLE_MAX = 1 << 16 };
	struct pw_code loaded;
	struct places p = {.code = &loaded,
			   .format = python->layout.traits.lines,
			   .visit = visit,
			   .data = data};
	pw_object_budget(python);
	pw_code_load(python, code, &loaded);
	struct pw_error *error = loaded.error;
	loaded.error = NULL;
	if (!error)
		error = find_bytecode(python, code, &p.start, &p.size);
	if (!error && loaded.table.length > TABLE_MAX)
		error = pw_error_create_at(PW_ERROR_CORRUPT, code,
					   "code object 0x%" PRIx64
					   ": its line table is longer than %d bytes",
					   code, TABLE_MAX);
	bool adaptive = pw_has(&python->layout, code_adaptive);
	int resume = python->layout.traits.resume_cache ? 4 : 2;
	p.entry = adaptive ? loaded.firsttraceable * 2 + resume : 0;
	if (!error && !adaptive)
		p.again = jumps_to_start(python, p.start, p.size);
	if (!error)
		walk_lines(&p);
	pw_code_deinit(&loaded);
	return error;
}

struct pw_error *pw_frame_instruction(struct pw_python *python, uint64_t frame, uint64_t *ret_code,
				      int64_t *ret_offset, int *ret_line)
{
	struct pw_pyframe read;
	struct pw_code code;
	struct pw_error *error = pw_pyframe_read(python, frame, false, &read);
	if (error)
		return error;
	pw_object_budget(python);
	pw_code_load(python, read.code, &code);
	*ret_code = read.code;
	*ret_offset = pw_code_lasti(python, &code, &read);
	*ret_line = pw_pyframe_line(python, &code, &read);
	error = code.error;
	code.error = NULL;
	pw_code_deinit(&code);
	return error;
}

/* 3.14+: PyInterpreterState.jit; 3.13: its optimizer is called "noop_optimizer" unless there is a
 * JIT (Python/optimizer.c). */
static bool has_jit(struct pw_python *python)
{
	const struct pw_layout *l = &python->layout;
	uint64_t interp, optimizer;
	uint8_t jit = 0;
	char name[PW_TYPE_NAME_MAX + 1];
	if (!python->head_slot)
		return false;
	pw_auto_error struct pw_error *e1 = pw_read_u64(python->target, python->head_slot, &interp);
	if (e1)
		return false;
	if (pw_has(l, interp_optimizer)) {
		pw_auto_error struct pw_error *e2 =
			pw_read_field(python, interp, l->interp_optimizer, &optimizer);
		pw_auto_error struct pw_error *e3 =
			e2 || !optimizer ? NULL : pw_object_type_name(python, optimizer, name);
		return !e2 && optimizer && !e3 && strstr(name, "_optimizer") &&
		       strcmp(name, "noop_optimizer") != 0;
	}
	if (!pw_has(l, interp_jit))
		return false;
	pw_auto_error struct pw_error *e4 =
		pw_read_u8(python->target, interp + (uint64_t)l->interp_jit.offset, &jit);
	return !e4 && jit == 1;
}

/* Compiled code runs without its bytecode; a handler for each instruction that is a function of its
 * own has no frame around it that would prove which Python frame it runs. */
const char *pw_code_unwatchable(struct pw_python *python)
{
	if (pw_has(&python->layout, code_tlbc))
		return "each thread of a free-threaded CPython from 3.14 on has its own copy of "
		       "the "
		       "bytecode";
	if (pw_locate_symbol(python, "_TAIL_CALL_RESUME") ||
	    pw_locate_symbol(python, "_TAIL_CALL_LOAD_FAST"))
		return "this CPython's instructions are functions that call each other";
	return has_jit(python) ? "the JIT compiler is on, and compiled code runs without its "
				 "bytecode"
			       : NULL;
}

static bool is_traced(struct pw_python *python, uint64_t tstate)
{
	const struct pw_layout *l = &python->layout;
	uint64_t cframe;
	uint8_t traced = 0;
	if (!pw_has(l, cframe_use_tracing) || !pw_has(l, tstate_cframe))
		return false;
	pw_auto_error struct pw_error *e1 =
		pw_read_field(python, tstate, l->tstate_cframe, &cframe);
	if (e1)
		return false;
	pw_auto_error struct pw_error *e2 = pw_read_u8(
		python->target, cframe + (uint64_t)l->cframe_use_tracing.offset, &traced);
	return !e2 && traced;
}

/* The newest of a deep stack need not cost what all of them cost. */
struct pw_error *pw_newest_frame(struct pw_python *python, uint64_t tstate,
				 struct pw_newest_frame *ret)
{
	static const size_t most[] = {64, 0};
	struct pw_error *error = NULL;
	*ret = (struct pw_newest_frame){.traced = is_traced(python, tstate)};
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]) && !error; i++) {
		struct pw_pyframes frames;
		pw_frames_walk(python, tstate, most[i], &frames);
		bool cut = frames.end == PW_END_LIMIT;
		if (frames.count) {
			ret->frame = frames.items[0].address;
			ret->code = frames.items[0].code;
			ret->anchor = frames.items[0].anchor;
		} else if (frames.end != PW_END_COMPLETE) {
			error = pw_error_create_at(PW_ERROR_CORRUPT, frames.end_address, "%s",
						   frames.end_message);
		}
		pw_frames_deinit(&frames);
		if (ret->anchor || !cut)
			break;
	}
	return error;
}
