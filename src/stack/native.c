/*
 * Unwinding one thread: a loop around pw_unwind_step(), and what to do when it cannot go on.
 */
#include "stack/native.h"

#include "base/cycle.h"
#include "binary/solve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 1 << 18, RESUME_SCAN_MAX = 8 << 20 };

struct walker {
	struct pw_session *session;
	struct pw_modules *modules;
	const struct pw_abi *abi;
	struct pw_unwind_memory memory;
	struct pw_regs regs;
	bool exact; /* the pc is where it stands, not behind a call */
	const struct pw_native_hints *hints;
	uint64_t limit; /* the end of the stack */
	struct pw_native_walk *out;
};

uint64_t pw_stack_end(const struct pw_target *target, const struct pw_regs *regs)
{
	enum { PAGE = 4096 };
	const struct pw_mapping *mapping = pw_target_mapping(target, regs->sp);
	uint64_t top = regs->thread_pointer;
	if (mapping && top > regs->sp && top < mapping->end - PAGE)
		return (top + PAGE) & ~(uint64_t)(PAGE - 1);
	return mapping ? mapping->end : 0;
}

static bool read_word(void *data, uint64_t address, uint64_t *ret)
{
	struct walker *w = data;
	size_t done = 0;
	enum pw_supplier supplier;
	struct pw_error *error =
		pw_read_some(w->session->target, address, ret, sizeof(*ret), &done, &supplier);
	pw_error_destroy(error);
	return done == sizeof(*ret);
}

static uint64_t lookup_of(const struct walker *w)
{
	return w->exact ? w->regs.pc : w->regs.pc - 1;
}

/* ---- one step ---- */

/* Where the frame ends, by what calls left on the stack; `row` NULL: there is none. */
static bool solve_cfa(struct walker *w, const struct pw_row *row, uint64_t *ret)
{
	struct pw_solve solve = {
		.modules = w->modules,
		.memory = &w->memory,
		.pc = lookup_of(w),
		.sp = w->regs.sp,
		.limit = w->limit,
		.left = &w->session->search_left,
	};
	return pw_solve_cfa(&solve, row, ret);
}

/* A step with the register that was missing, if the stack tells it. */
static enum pw_step solved_step(struct walker *w, const struct pw_row *row,
				struct pw_step_result *result)
{
	uint64_t cfa;
	if (row->cfa.kind != PW_RULE_REGISTER || !solve_cfa(w, row, &cfa))
		return PW_STEP_REGISTER;
	struct pw_regs regs = w->regs;
	pw_regs_set(&regs, row->cfa.reg, cfa - (uint64_t)row->cfa.offset);
	return pw_unwind_step(w->abi, row, &regs, &w->memory, result);
}

/* Code without call-frame information that keeps a frame record, or that somebody called by name.
 */
static enum pw_step step_without_row(struct walker *w, struct pw_step_result *result)
{
	uint8_t code[PW_ABI_ENTRY_BYTES] = {0};
	size_t done = 0;
	enum pw_supplier supplier;
	struct pw_symbol symbol;
	uint64_t cfa;
	if (!pw_modules_symbolize(w->modules, lookup_of(w), &symbol, NULL))
		return PW_STEP_CORRUPT;
	pw_error_destroy(pw_read_some(w->session->target, symbol.address, code, sizeof(code), &done,
				      &supplier));
	if (done && w->abi->makes_record(code, done) &&
	    pw_unwind_record(w->abi, &w->regs, &w->memory, result) == PW_STEP_OK)
		return PW_STEP_OK;
	if (!solve_cfa(w, NULL, &cfa))
		return PW_STEP_CORRUPT;
	*result = (struct pw_step_result){.cfa = cfa};
	if (!read_word(w, cfa - w->abi->return_slot, &result->regs.pc))
		return PW_STEP_UNREADABLE;
	result->regs.sp = cfa;
	result->regs.thread_pointer = w->regs.thread_pointer;
	pw_regs_set(&result->regs, w->abi->sp, cfa);
	return PW_STEP_OK;
}

static bool at_sigreturn(struct walker *w)
{
	uint8_t code[PW_ABI_STUB_BYTES];
	size_t done = 0;
	enum pw_supplier supplier;
	pw_error_destroy(
		pw_read_some(w->session->target, w->regs.pc, code, sizeof(code), &done, &supplier));
	return done == sizeof(code) && w->abi->is_sigreturn(code);
}

/* An anchor within [sp, cfa): what is not an evaluation frame must not swallow one. */
static bool holds_anchor(const struct walker *w, uint64_t sp, uint64_t cfa)
{
	const struct pw_native_hints *hints = w->hints;
	for (size_t i = 0; i < hints->anchor_count; i++)
		if (hints->anchors[i] >= sp && hints->anchors[i] < cfa)
			return true;
	return false;
}

/*
 * A call of what is no code, a null pointer most of all: nothing was executed there, or nothing
 * that matters, so the return address is where the call left it, and each register has the value
 * that it had in the caller.
 */
static enum pw_step step_from_nowhere(struct walker *w, unsigned depth,
				      struct pw_step_result *result)
{
	uint64_t target, slot = w->regs.sp + depth;
	*result = (struct pw_step_result){.regs = w->regs, .cfa = slot + w->abi->return_slot};
	if (!w->abi->return_slot) {
		if (!pw_regs_get(&w->regs, w->abi->ra, &result->regs.pc))
			return PW_STEP_REGISTER;
	} else if (!read_word(w, slot, &result->regs.pc)) {
		result->where = slot;
		return PW_STEP_UNREADABLE;
	}
	result->regs.pc &= w->abi->code_bits;
	result->regs.sp = result->cfa;
	pw_regs_set(&result->regs, w->abi->sp, result->cfa);
	return pw_modules_call(w->modules, result->regs.pc, &target) == PW_CALL_NONE
		       ? PW_STEP_CORRUPT
		       : PW_STEP_OK;
}

/* In a closure of libffi's: how much it has put on the stack; -1: it is none. */
static int closure_depth(struct walker *w)
{
	enum { AROUND = PW_ABI_CLOSURE_BYTES, PAGE = 4096 };
	uint8_t code[2 * AROUND];
	size_t before = w->regs.pc % PAGE, done = 0;
	enum pw_supplier supplier;
	if (!w->exact)
		return -1;
	before = before < AROUND ? before : AROUND;
	pw_error_destroy(pw_read_some(w->session->target, w->regs.pc - before, code,
				      before + AROUND, &done, &supplier));
	return w->abi->closure_depth(code, done, before);
}

struct stepped {
	enum pw_step step;
	struct pw_step_result result;
	bool signal, has_row;
};

static struct stepped step(struct walker *w)
{
	struct stepped s = {.step = PW_STEP_CORRUPT};
	const struct pw_row *row = pw_modules_row(w->modules, lookup_of(w));
	int closure;
	s.has_row = row != NULL;
	if (row) {
		s.signal = row->signal_frame;
		s.step = pw_unwind_step(w->abi, row, &w->regs, &w->memory, &s.result);
		if (s.step == PW_STEP_REGISTER)
			s.step = solved_step(w, row, &s.result);
	} else if (w->exact && !pw_modules_is_code(w->modules, w->regs.pc)) {
		s.step = step_from_nowhere(w, 0, &s.result);
	} else if ((closure = closure_depth(w)) >= 0) {
		s.step = step_from_nowhere(w, (unsigned)closure, &s.result);
	} else if (at_sigreturn(w)) {
		s.signal = s.has_row = true;
		s.step = pw_unwind_sigreturn(w->abi, &w->regs, &w->memory, &s.result);
	} else {
		s.step = step_without_row(w, &s.result);
		if (s.step == PW_STEP_OK && holds_anchor(w, w->regs.sp, s.result.cfa))
			s.step = PW_STEP_CORRUPT;
	}
	/* What is returned to is code; what a signal interrupted may be a call of something else.
	 */
	if (s.step == PW_STEP_OK && !s.signal &&
	    !pw_modules_is_code(w->modules, s.result.regs.pc)) {
		s.step = PW_STEP_CORRUPT;
		s.result.where = s.result.regs.pc;
	}
	return s;
}

/* ---- the list ---- */

static struct pw_native_frame *add(struct pw_native_walk *out)
{
	if (out->count == out->capacity) {
		size_t capacity = out->capacity ? out->capacity * 2 : 32;
		struct pw_native_frame *more = realloc(out->frames, capacity * sizeof(*more));
		if (!more)
			return NULL;
		out->frames = more;
		out->capacity = capacity;
	}
	struct pw_native_frame *frame = &out->frames[out->count++];
	memset(frame, 0, sizeof(*frame));
	return frame;
}

static bool add_frame(struct walker *w, const struct stepped *s)
{
	struct pw_native_frame *frame = add(w->out);
	if (!frame)
		return false;
	frame->pc = w->regs.pc;
	frame->sp = w->regs.sp;
	frame->cfa = s->result.cfa;
	frame->signal = s->signal;
	uint64_t saved = w->regs.known & w->abi->callee_saved;
	for (unsigned n = 0; n < PW_REGS_MAX && frame->register_count < PW_REGISTER_COUNT; n++)
		if (saved >> n & 1)
			frame->registers[frame->register_count++] = w->regs.value[n];
	return true;
}

static void end_walk(struct walker *w, const struct stepped *s)
{
	struct pw_native_walk *out = w->out;
	const struct pw_module *module = pw_modules_find(w->modules, w->regs.pc);
	const char *path = module ? module->path : "no file";
	char *message = out->end_message;
	size_t size = sizeof(out->end_message);
	out->end_address = s->result.where;
	out->missing = 0;
	switch (s->step) {
	case PW_STEP_OK:
	case PW_STEP_BOTTOM:
		out->end = PW_NATIVE_END_COMPLETE;
		out->end_address = 0;
		return;
	case PW_STEP_UNREADABLE:
		out->end = PW_NATIVE_END_UNREADABLE;
		out->missing = s->result.where;
		snprintf(message, size, "the stack at 0x%" PRIx64 " is not there", s->result.where);
		return;
	case PW_STEP_REGISTER:
		out->end = PW_NATIVE_END_REGISTERS;
		out->end_address = w->regs.pc;
		out->wants_registers = true;
		snprintf(message, size,
			 "a register that the frame at pc 0x%" PRIx64 " needs is not known",
			 w->regs.pc);
		return;
	case PW_STEP_CORRUPT:
		break;
	}
	out->end = s->has_row ? PW_NATIVE_END_CORRUPT : PW_NATIVE_END_NO_CFI;
	out->end_address = w->regs.pc;
	if (!s->has_row)
		snprintf(message, size, "no call-frame information for pc 0x%" PRIx64 " (%s)",
			 w->regs.pc, path);
	else
		snprintf(message, size,
			 "the frame at pc 0x%" PRIx64 " leads to 0x%" PRIx64 ", expected code",
			 w->regs.pc, s->result.where);
}

static void end_circle(struct walker *w)
{
	struct pw_native_walk *out = w->out;
	out->end = PW_NATIVE_END_CORRUPT;
	out->end_address = w->regs.sp;
	snprintf(out->end_message, sizeof(out->end_message),
		 "signal frames lead in a circle, to the stack pointer 0x%" PRIx64, w->regs.sp);
}

/* ---- going on behind a gap ---- */

/* Whether the walk from here comes to the bottom. */
static bool comes_to_bottom(const struct walker *w)
{
	struct walker probe = *w;
	for (unsigned i = 0; i < FRAMES_MAX && w->session->search_left; i++) {
		struct stepped s = step(&probe);
		w->session->search_left--;
		if (s.step != PW_STEP_OK)
			return s.step == PW_STEP_BOTTOM;
		probe.regs = s.result.regs;
		probe.exact = s.signal;
	}
	return false;
}

/* What a compiler has split off a function begins with a frame that is made already. */
static bool is_fragment(const struct walker *w, uint64_t address)
{
	uint64_t start, end;
	const struct pw_row *row = pw_module_function(w->modules, address, &start, &end)
					   ? pw_modules_row(w->modules, start)
					   : NULL;
	return row && (row->cfa.kind != PW_RULE_REGISTER || row->cfa.reg != w->abi->sp ||
		       row->cfa.offset != w->abi->return_slot);
}

/* Whether it is code of the evaluation function; of a stripped one, a fragment may be. */
static bool is_eval(const struct walker *w, uint64_t address)
{
	uint64_t eval = w->session->python.eval, start, end;
	struct pw_symbol symbol;
	if (pw_module_function(w->modules, address, &start, &end) && eval >= start && eval < end)
		return true;
	if (pw_modules_symbolize(w->modules, address, &symbol, NULL))
		return pw_is_eval_symbol(w->session, symbol.name);
	return eval && pw_modules_find(w->modules, address) == pw_modules_find(w->modules, eval) &&
	       is_fragment(w, address);
}

/*
 * Steps out of an evaluation frame that hangs on a register that is not known: its end is above
 * the anchor, at the nearest return address from which the walk comes to the bottom.  Whom the call
 * there names says nothing: the evaluation function is tail-called too.
 */
static struct stepped step_over(struct walker *w, uint64_t anchor)
{
	enum { FRAME_MAX = 1 << 13 };
	struct stepped s = step(w);
	const struct pw_row *row = pw_modules_row(w->modules, lookup_of(w));
	uint64_t value, target;
	if (s.step != PW_STEP_REGISTER || !row || row->cfa.kind != PW_RULE_REGISTER)
		return s;
	unsigned reg = row->cfa.reg;
	uint64_t offset = (uint64_t)row->cfa.offset, slot = (anchor & ~UINT64_C(7)) + 8;
	for (; slot < w->limit && slot - anchor < FRAME_MAX && w->session->search_left; slot += 8) {
		struct walker next = *w;
		w->session->search_left--;
		if (!read_word(w, slot, &value))
			break;
		if (pw_modules_call(w->modules, value, &target) == PW_CALL_NONE)
			continue;
		pw_regs_set(&next.regs, reg, slot + w->abi->return_slot - offset);
		struct stepped out = step(&next);
		if (out.step != PW_STEP_OK || out.result.cfa != slot + w->abi->return_slot)
			continue;
		w->regs = next.regs;
		next.regs = out.result.regs;
		if (comes_to_bottom(&next))
			return out;
	}
	return s;
}

/* A frame that was called from below the return address at `slot`, which it returns behind. */
static bool try_frame(const struct walker *w, uint64_t slot, uint64_t anchor, struct walker *ret,
		      uint64_t *ret_cfa)
{
	uint64_t pc, target;
	if (!read_word((void *)w, slot, &pc) || !pw_modules_is_code(w->modules, pc) ||
	    !is_eval(w, pc - 1) || pw_modules_call(w->modules, pc, &target) == PW_CALL_NONE)
		return false;
	*ret = *w;
	ret->regs = (struct pw_regs){.pc = pc,
				     .sp = slot + w->abi->return_slot,
				     .thread_pointer = w->regs.thread_pointer};
	pw_regs_set(&ret->regs, w->abi->sp, ret->regs.sp);
	ret->exact = false;
	struct stepped s = anchor ? step_over(ret, anchor) : step(ret);
	*ret_cfa = s.result.cfa;
	/* An evaluation frame holds one anchor. */
	return s.step == PW_STEP_OK && s.has_row && s.result.cfa > anchor &&
	       (!anchor || !holds_anchor(w, anchor + 1, s.result.cfa)) &&
	       pw_modules_call(w->modules, s.result.regs.pc, &target) != PW_CALL_NONE;
}

/*
 * Goes on at the evaluation frame of the next older anchor: the nearest return address below the
 * anchor whose frame holds it.  The frame's size is what its row says, it must itself return to
 * behind a call, and, if any does, lead to the bottom: earlier calls have left return addresses
 * too.
 */
static bool resume_at_anchor(struct walker *w, uint64_t anchor)
{
	uint64_t lowest =
		anchor - w->regs.sp > RESUME_SCAN_MAX ? anchor - RESUME_SCAN_MAX : w->regs.sp;
	struct walker candidate, first;
	bool found = false;
	uint64_t cfa;
	for (uint64_t above = anchor & ~UINT64_C(7); above >= lowest + 8 && w->session->search_left;
	     above -= 8) {
		w->session->search_left--;
		if (!try_frame(w, above - 8, anchor, &candidate, &cfa))
			continue;
		if (comes_to_bottom(&candidate)) {
			*w = candidate;
			return true;
		}
		if (!found)
			first = candidate;
		found = true;
	}
	if (found)
		*w = first;
	return found;
}

static int compare_words(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Whether the address of one of the frame objects is there. */
static bool holds_pointer(const struct walker *w, uint64_t begin, uint64_t end)
{
	uint64_t word;
	for (uint64_t at = begin; at < end && w->session->search_left; at += 8) {
		w->session->search_left--;
		if (read_word((void *)w, at, &word) &&
		    bsearch(&word, w->hints->pointers, w->hints->pointer_count, sizeof(word),
			    compare_words))
			return true;
	}
	return false;
}

/*
 * The same without anchors: at the nearest frame of the evaluation function that leads to the
 * bottom, when one of the frame objects is in it or in the gap: what it keeps in a register, those
 * that it called have saved.
 */
static bool resume_at_pointer(struct walker *w)
{
	uint64_t end =
		w->limit - w->regs.sp > RESUME_SCAN_MAX ? w->regs.sp + RESUME_SCAN_MAX : w->limit;
	struct walker candidate;
	uint64_t cfa;
	for (uint64_t slot = (w->regs.sp + 7) & ~UINT64_C(7); slot < end && w->session->search_left;
	     slot += 8) {
		w->session->search_left--;
		if (!try_frame(w, slot, 0, &candidate, &cfa) ||
		    !holds_pointer(w, w->regs.sp, cfa) || !comes_to_bottom(&candidate))
			continue;
		*w = candidate;
		return true;
	}
	return false;
}

static bool resume(struct walker *w)
{
	const struct pw_native_hints *hints = w->hints;
	if (!w->abi->return_slot)
		return false;
	for (size_t i = 0; i < hints->anchor_count; i++)
		if (hints->anchors[i] > w->regs.sp)
			return hints->anchors[i] < w->limit &&
			       resume_at_anchor(w, hints->anchors[i]);
	return hints->pointer_count && resume_at_pointer(w);
}

static bool add_gap(struct walker *w)
{
	struct pw_native_walk *out = w->out;
	enum { REASONS = sizeof(out->gap_reasons) / sizeof(out->gap_reasons[0]) };
	unsigned n = out->gap_count < REASONS ? out->gap_count : REASONS - 1;
	struct pw_native_frame *frame = add(out);
	if (!frame)
		return false;
	out->gap_count++;
	snprintf(out->gap_reasons[n], sizeof(out->gap_reasons[n]), "%s", out->end_message);
	frame->pc = w->regs.pc;
	frame->reason = out->gap_reasons[n];
	frame->inlined = true; /* hosts nothing */
	return true;
}

/* ---- the walk ---- */

static bool start(struct walker *w, const struct pw_regs *regs)
{
	w->abi = pw_abi_by_machine(w->session->target->arch->elf_machine);
	w->memory = (struct pw_unwind_memory){read_word, w};
	w->regs = *regs;
	w->exact = true;
	w->limit = pw_stack_end(w->session->target, regs);
	if (!w->abi || !regs->sp) {
		w->out->end = PW_NATIVE_END_REGISTERS;
		w->out->wants_registers = true;
		snprintf(w->out->end_message, sizeof(w->out->end_message),
			 "its registers are not known");
		return false;
	}
	pw_regs_set(&w->regs, w->abi->sp, regs->sp);
	return true;
}

void pw_native_walk(struct pw_session *session, const struct pw_regs *regs,
		    const struct pw_native_hints *hints, struct pw_native_walk *ret)
{
	*ret = (struct pw_native_walk){.frames = ret->frames, .capacity = ret->capacity};
	struct walker w = {
		.session = session,
		.modules = session->modules,
		.hints = hints,
		.out = ret,
	};
	if (!start(&w, regs))
		return;
	/* Only a signal frame can lead down the stack, and so in a circle. */
	struct pw_cycle interrupted = {0};
	for (;;) {
		struct stepped s = step(&w);
		if (ret->count >= FRAMES_MAX || !add_frame(&w, &s)) {
			ret->end = PW_NATIVE_END_LIMIT;
			snprintf(ret->end_message, sizeof(ret->end_message),
				 "more than %zu frames, or no memory for them", ret->count);
			return;
		}
		if (s.step == PW_STEP_OK) {
			w.regs = s.result.regs;
			w.exact = s.signal;
			if (!s.signal)
				continue;
			w.limit = pw_stack_end(session->target, &w.regs);
			if (pw_cycle_step(&interrupted, w.regs.sp, ret->count)) {
				end_circle(&w);
				return;
			}
			continue;
		}
		end_walk(&w, &s);
		if (s.step == PW_STEP_BOTTOM || !add_gap(&w))
			return;
		if (!resume(&w)) {
			ret->count--; /* the end says what the gap would have */
			return;
		}
	}
}

void pw_native_walk_deinit(struct pw_native_walk *walk)
{
	free(walk->frames);
	*walk = (struct pw_native_walk){0};
}
