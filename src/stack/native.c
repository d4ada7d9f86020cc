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
	const uint64_t *anchors;
	size_t anchor_count;
	uint64_t limit; /* the end of the stack */
	struct pw_native_walk *out;
};

uint64_t pw_stack_end(const struct pw_target *target, uint64_t sp)
{
	const struct pw_mapping *mapping = pw_target_mapping(target, sp);
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

/* A step with the register that was missing, if the stack tells it. */
static enum pw_step solved_step(struct walker *w, const struct pw_row *row,
				struct pw_step_result *result)
{
	struct pw_solve solve = {
		.modules = w->modules,
		.memory = &w->memory,
		.pc = lookup_of(w),
		.sp = w->regs.sp,
		.limit = w->limit,
		.left = &w->session->search_left,
	};
	uint64_t cfa;
	if (row->cfa.kind != PW_RULE_REGISTER || !pw_solve_cfa(&solve, row, &cfa))
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
	bool named = pw_modules_symbolize(w->modules, lookup_of(w), &symbol, NULL);
	struct pw_target *target = w->session->target;
	pw_error_destroy(pw_read_some(target, named ? symbol.address : w->regs.pc, code,
				      sizeof(code), &done, &supplier));
	if (named && done && w->abi->makes_record(code, done) &&
	    pw_unwind_record(w->abi, &w->regs, &w->memory, result) == PW_STEP_OK)
		return PW_STEP_OK;
	struct pw_solve solve = {
		.modules = w->modules,
		.memory = &w->memory,
		.pc = lookup_of(w),
		.sp = w->regs.sp,
		.limit = w->limit,
		.left = &w->session->search_left,
	};
	if (!named || !pw_solve_cfa(&solve, NULL, &cfa))
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
	for (size_t i = 0; i < w->anchor_count; i++)
		if (w->anchors[i] >= sp && w->anchors[i] < cfa)
			return true;
	return false;
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
	s.has_row = row != NULL;
	if (row) {
		s.signal = row->signal_frame;
		s.step = pw_unwind_step(w->abi, row, &w->regs, &w->memory, &s.result);
		if (s.step == PW_STEP_REGISTER)
			s.step = solved_step(w, row, &s.result);
	} else if (at_sigreturn(w)) {
		s.signal = s.has_row = true;
		s.step = pw_unwind_sigreturn(w->abi, &w->regs, &w->memory, &s.result);
	} else {
		s.step = step_without_row(w, &s.result);
		if (s.step == PW_STEP_OK && holds_anchor(w, w->regs.sp, s.result.cfa))
			s.step = PW_STEP_CORRUPT;
	}
	/* What is returned to is code. */
	if (s.step == PW_STEP_OK && !pw_modules_is_code(w->modules, s.result.regs.pc)) {
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

/* The interpreter's frame around `anchor`, when the return address at `slot` is one into it. */
static bool try_resume(const struct walker *w, uint64_t slot, uint64_t anchor, struct walker *ret)
{
	uint64_t pc, target;
	if (!read_word((void *)w, slot, &pc) ||
	    pw_modules_find(w->modules, pc) !=
		    pw_modules_find(w->modules, w->session->python.eval) ||
	    pw_modules_call(w->modules, pc, &target) == PW_CALL_NONE)
		return false;
	*ret = *w;
	ret->regs = (struct pw_regs){.pc = pc,
				     .sp = slot + w->abi->return_slot,
				     .thread_pointer = w->regs.thread_pointer};
	pw_regs_set(&ret->regs, w->abi->sp, ret->regs.sp);
	ret->exact = false;
	struct stepped s = step(ret);
	return s.step == PW_STEP_OK && s.has_row && s.result.cfa > anchor &&
	       pw_modules_call(w->modules, s.result.regs.pc, &target) != PW_CALL_NONE;
}

/*
 * Goes on at the evaluation frame of the next older anchor: the nearest return address below the
 * anchor whose frame holds it.  The frame's size is what its row says, it must itself return to
 * behind a call, and, if any does, lead to the bottom: earlier calls have left return addresses
 * too.
 */
static bool resume(struct walker *w)
{
	uint64_t anchor = 0;
	for (size_t i = 0; i < w->anchor_count && !anchor; i++)
		if (w->anchors[i] > w->regs.sp)
			anchor = w->anchors[i];
	if (!anchor || anchor >= w->limit || !w->abi->return_slot)
		return false;
	uint64_t lowest =
		anchor - w->regs.sp > RESUME_SCAN_MAX ? anchor - RESUME_SCAN_MAX : w->regs.sp;
	struct walker candidate, first;
	bool found = false;
	for (uint64_t above = anchor & ~UINT64_C(7); above >= lowest + 8 && w->session->search_left;
	     above -= 8) {
		w->session->search_left--;
		if (!try_resume(w, above - 8, anchor, &candidate))
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
	w->limit = pw_stack_end(w->session->target, regs->sp);
	if (!w->abi || !regs->sp || !regs->pc) {
		w->out->end = PW_NATIVE_END_REGISTERS;
		w->out->wants_registers = true;
		snprintf(w->out->end_message, sizeof(w->out->end_message),
			 "its registers are not known");
		return false;
	}
	pw_regs_set(&w->regs, w->abi->sp, regs->sp);
	return true;
}

void pw_native_walk(struct pw_session *session, const struct pw_regs *regs, const uint64_t *anchors,
		    size_t anchor_count, struct pw_native_walk *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct walker w = {
		.session = session,
		.modules = session->modules,
		.anchors = anchors,
		.anchor_count = anchor_count,
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
			w.limit = pw_stack_end(session->target, w.regs.sp);
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
}
