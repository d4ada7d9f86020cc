/* The accessors of the public types, and their destruction. */
#include "stack/codes.h"
#include "stack/locals.h"

#include <stdlib.h>

void pw_thread_forget_merge(struct pw_thread *thread)
{
	free(thread->merged);
	free(thread->native);
	thread->merged = NULL;
	thread->native = NULL;
	thread->merged_count = 0;
	for (size_t i = 0; i < thread->python_count; i++) {
		thread->python[i].proof = PW_PROOF_NONE;
		thread->python[i].native_index = -1;
	}
	for (size_t i = 0; i < thread->string_count; i++)
		free(thread->strings[i]);
	free(thread->strings);
	thread->strings = NULL;
	thread->string_count = 0;
}

void pw_thread_deinit(struct pw_thread *thread)
{
	pw_thread_forget_merge(thread);
	free(thread->name);
	free(thread->kernel_name);
	free(thread->end_message);
	free(thread->native_end_message);
	for (size_t i = 0; i < thread->python_count; i++)
		pw_locals_destroy(thread->python[i].variables);
	free(thread->python);
}

void pw_dump_forget_codes(struct pw_dump *dump)
{
	struct pw_code_entry *entry, *next;
	HASH_ITER (hh, dump->codes, entry, next) {
		HASH_DEL(dump->codes, entry);
		pw_code_entry_destroy(entry);
	}
}

void pw_dump_destroy(struct pw_dump *dump)
{
	if (!dump)
		return;
	for (size_t i = 0; i < dump->thread_count; i++)
		pw_thread_deinit(&dump->threads[i]);
	free(dump->threads);
	free(dump->interpreters);
	pw_dump_forget_codes(dump);
	pw_notes_deinit(&dump->problems);
	free(dump);
}

uint64_t pw_dump_pause(const struct pw_dump *dump)
{
	return dump->pause_ns;
}

size_t pw_dump_problem_count(const struct pw_dump *dump)
{
	return dump->problems.count;
}

const char *pw_dump_problem(const struct pw_dump *dump, size_t index)
{
	return dump->problems.texts[index];
}

size_t pw_dump_interpreter_count(const struct pw_dump *dump)
{
	return dump->interpreter_count;
}

const struct pw_interpreter *pw_dump_interpreter(const struct pw_dump *dump, size_t index)
{
	return &dump->interpreters[index];
}

int64_t pw_interpreter_id(const struct pw_interpreter *interpreter)
{
	return interpreter->id;
}

uint64_t pw_interpreter_address(const struct pw_interpreter *interpreter)
{
	return interpreter->address;
}

bool pw_interpreter_main(const struct pw_interpreter *interpreter)
{
	return interpreter->main;
}

size_t pw_dump_thread_count(const struct pw_dump *dump)
{
	return dump->thread_count;
}

struct pw_thread *pw_dump_thread(const struct pw_dump *dump, size_t index)
{
	return &dump->threads[index];
}

uint64_t pw_thread_tid(const struct pw_thread *thread)
{
	return thread->tid;
}

uint64_t pw_thread_ns_tid(const struct pw_thread *thread)
{
	return thread->ns_tid;
}

const char *pw_thread_name(const struct pw_thread *thread)
{
	return thread->name;
}

const char *pw_thread_kernel_name(const struct pw_thread *thread)
{
	return thread->kernel_name;
}

int64_t pw_thread_interpreter(const struct pw_thread *thread)
{
	return thread->interpreter;
}

uint64_t pw_thread_state_address(const struct pw_thread *thread)
{
	return thread->tstate;
}

enum pw_tristate pw_thread_holds_gil(const struct pw_thread *thread)
{
	return thread->holds_gil;
}

const char *pw_thread_state(const struct pw_thread *thread)
{
	return pw_run_state_name(thread->state);
}

enum pw_end_reason pw_thread_end(const struct pw_thread *thread)
{
	return thread->end;
}

const char *pw_end_reason_name(enum pw_end_reason reason)
{
	static const char *const names[] = {
		[PW_END_COMPLETE] = "complete", [PW_END_UNREADABLE] = "unreadable",
		[PW_END_CYCLE] = "cycle",	[PW_END_CORRUPT] = "corrupt",
		[PW_END_LIMIT] = "limit",
	};
	return names[reason];
}

uint64_t pw_thread_end_address(const struct pw_thread *thread)
{
	return thread->end_address;
}

const char *pw_thread_end_message(const struct pw_thread *thread)
{
	return thread->end_message;
}

const char *pw_thread_capture(const struct pw_thread *thread)
{
	return pw_taken_name(thread->taken);
}

uint64_t pw_thread_stopped(const struct pw_thread *thread)
{
	return thread->stopped_ns;
}

enum pw_native_end pw_thread_native_end(const struct pw_thread *thread)
{
	return thread->native_end;
}

const char *pw_native_end_name(enum pw_native_end end)
{
	static const char *const names[] = {
		[PW_NATIVE_END_NONE] = "none",
		[PW_NATIVE_END_COMPLETE] = "complete",
		[PW_NATIVE_END_UNREADABLE] = "unreadable",
		[PW_NATIVE_END_NO_CFI] = "no_cfi",
		[PW_NATIVE_END_REGISTERS] = "registers",
		[PW_NATIVE_END_CORRUPT] = "corrupt",
		[PW_NATIVE_END_LIMIT] = "limit",
	};
	return names[end];
}

uint64_t pw_thread_native_end_address(const struct pw_thread *thread)
{
	return thread->native_end_address;
}

const char *pw_thread_native_end_message(const struct pw_thread *thread)
{
	return thread->native_end_message;
}

size_t pw_thread_frame_count(const struct pw_thread *thread)
{
	return thread->merged ? thread->merged_count : thread->python_count;
}

const struct pw_frame *pw_thread_frame(const struct pw_thread *thread, size_t index)
{
	return thread->merged ? thread->merged[index] : &thread->python[index];
}

static bool is_python(const struct pw_frame *frame)
{
	return frame->kind == PW_FRAME_PYTHON;
}

enum pw_frame_kind pw_frame_kind(const struct pw_frame *frame)
{
	return frame->kind;
}

const char *pw_frame_name(const struct pw_frame *frame)
{
	return is_python(frame) && frame->code ? frame->code->name : NULL;
}

const char *pw_frame_qualname(const struct pw_frame *frame)
{
	return is_python(frame) && frame->code ? frame->code->qualname : NULL;
}

const char *pw_frame_file(const struct pw_frame *frame)
{
	if (!is_python(frame))
		return frame->file;
	return frame->code ? frame->code->filename : NULL;
}

int pw_frame_line(const struct pw_frame *frame)
{
	return frame->location.line;
}

int pw_frame_end_line(const struct pw_frame *frame)
{
	return frame->location.end_line;
}

int pw_frame_column(const struct pw_frame *frame)
{
	return frame->location.column;
}

int pw_frame_end_column(const struct pw_frame *frame)
{
	return frame->location.end_column;
}

uint64_t pw_frame_address(const struct pw_frame *frame)
{
	return is_python(frame) ? frame->python.address : 0;
}

int pw_frame_first_line(const struct pw_frame *frame)
{
	return is_python(frame) && frame->code ? frame->code->firstlineno : 0;
}

uint64_t pw_frame_code(const struct pw_frame *frame)
{
	return is_python(frame) ? frame->python.code : 0;
}

uint64_t pw_frame_anchor(const struct pw_frame *frame)
{
	return is_python(frame) ? frame->python.anchor : 0;
}

int64_t pw_frame_interpreter(const struct pw_frame *frame)
{
	return is_python(frame) ? frame->interpreter : 0;
}

bool pw_frame_incomplete(const struct pw_frame *frame)
{
	return is_python(frame) && frame->incomplete;
}

bool pw_frame_entry(const struct pw_frame *frame)
{
	return is_python(frame) && frame->python.entry;
}

enum pw_proof pw_frame_proof(const struct pw_frame *frame)
{
	return frame->proof;
}

int64_t pw_frame_native_index(const struct pw_frame *frame)
{
	return frame->native_index;
}

uint64_t pw_frame_pc(const struct pw_frame *frame)
{
	return is_python(frame) ? 0 : frame->pc;
}

const char *pw_frame_symbol(const struct pw_frame *frame)
{
	return is_python(frame) ? NULL : frame->symbol;
}

uint64_t pw_frame_offset(const struct pw_frame *frame)
{
	return is_python(frame) ? 0 : frame->offset;
}

const char *pw_frame_module(const struct pw_frame *frame)
{
	return is_python(frame) ? NULL : frame->module;
}

uint64_t pw_frame_sp(const struct pw_frame *frame)
{
	return is_python(frame) ? 0 : frame->sp;
}

bool pw_frame_inlined(const struct pw_frame *frame)
{
	return !is_python(frame) && frame->inlined;
}

bool pw_frame_signal(const struct pw_frame *frame)
{
	return !is_python(frame) && frame->signal;
}

const char *pw_frame_reason(const struct pw_frame *frame)
{
	return is_python(frame) ? NULL : frame->reason;
}
