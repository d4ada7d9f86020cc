/* What the program in the kernel is told of a process: from the layout, in the words of its own. */
#include "sample/ebpf_config.h"

#include <string.h>

enum { WORD = 8 };

/* From the beginning of the structure up to the last of these fields. */
static uint32_t length_up_to(const struct pw_field *fields, size_t count)
{
	uint32_t length = 0;
	for (size_t i = 0; i < count; i++)
		if (fields[i].offset >= 0 && (uint32_t)fields[i].offset + WORD > length)
			length = (uint32_t)fields[i].offset + WORD;
	return length;
}

#define LENGTH_UP_TO(fields) length_up_to(fields, sizeof(fields) / sizeof(*(fields)))

static uint32_t first_of(const struct pw_field *fields, size_t count)
{
	uint32_t first = UINT32_MAX;
	for (size_t i = 0; i < count; i++)
		if (fields[i].offset >= 0 && (uint32_t)fields[i].offset < first)
			first = (uint32_t)fields[i].offset;
	return first;
}

#define FIRST_OF(fields) first_of(fields, sizeof(fields) / sizeof(*(fields)))

/* What pw_frames_walk() and who holds the GIL need of a thread state, and its links. */
static void describe_tstate(const struct pw_layout *l, struct pw_ebpf_config *c)
{
	struct pw_field root_end = l->tstate_root_cframe;
	if (root_end.offset >= 0)
		root_end.offset += (int32_t)c->cframe_length;
	const struct pw_field fields[] = {
		l->tstate_next,	     l->tstate_interp,	      l->tstate_frame,
		l->tstate_cframe,    l->tstate_root_cframe,   root_end,
		l->tstate_thread_id, l->tstate_current_frame, l->tstate_native_thread_id,
		l->tstate_exc_info,  l->tstate_datastack_top, l->tstate_datastack_chunk,
	};
	c->tstate_at = FIRST_OF(fields);
	c->tstate_length = LENGTH_UP_TO(fields) - c->tstate_at;
	c->tstate_next = l->tstate_next.offset;
	c->tstate_interp = l->tstate_interp.offset;
	c->tstate_thread_id = l->tstate_thread_id.offset;
	c->tstate_native_id = l->tstate_native_thread_id.offset;
	c->tstate_frame =
		pw_has(l, tstate_frame) ? l->tstate_frame.offset : l->tstate_current_frame.offset;
	c->tstate_cframe = l->tstate_cframe.offset;
	c->tstate_root = l->tstate_root_cframe.offset;
}

static void describe_cframe(const struct pw_layout *l, struct pw_ebpf_config *c)
{
	const struct pw_field fields[] = {l->cframe_previous, l->cframe_current_frame};
	c->cframe_length = LENGTH_UP_TO(fields);
	c->cframe_previous = l->cframe_previous.offset;
	c->cframe_frame = l->cframe_current_frame.offset;
}

static void describe_frame(const struct pw_layout *l, struct pw_ebpf_config *c)
{
	const struct pw_field object[] = {l->object_type, l->frame_back, l->frame_code,
					  l->frame_lasti};
	const struct pw_field iframe[] = {
		l->iframe_previous, l->iframe_code,	l->iframe_prev_instr,	l->iframe_instr_ptr,
		l->iframe_owner,    l->iframe_is_entry, l->iframe_tlbc_index,	l->iframe_function,
		l->iframe_object,   l->iframe_stacktop, l->iframe_stackpointer, l->iframe_locals};
	bool has_iframes = pw_has(l, iframe_code);
	c->frame_length = has_iframes ? LENGTH_UP_TO(iframe) : LENGTH_UP_TO(object);
	c->frame_back = has_iframes ? l->iframe_previous.offset : l->frame_back.offset;
	c->frame_code = has_iframes ? l->iframe_code.offset : l->frame_code.offset;
}

/* All of it in front of the bytecode: whether it is the code object that it was, later. */
static void describe_code(const struct pw_layout *l, struct pw_ebpf_config *c)
{
	const struct pw_field fields[] = {
		l->object_type,	       l->var_size,	    l->code_name,
		l->code_qualname,      l->code_filename,    l->code_firstlineno,
		l->code_lnotab,	       l->code_linetable,   l->code_exceptiontable,
		l->code_code,	       l->code_consts,	    l->code_tlbc,
		l->code_argcount,      l->code_kwonly,	    l->code_flags,
		l->code_nlocals,       l->code_nlocalsplus, l->code_stacksize,
		l->code_framesize,     l->code_varnames,    l->code_localsplusnames,
		l->code_firsttraceable};
	c->code_length = LENGTH_UP_TO(fields);
	c->code_name = l->code_name.offset;
	c->name_key = l->object_type.offset + WORD;
}

/* As in interp.c. */
static void describe_gil(struct pw_python *python, struct pw_ebpf_config *c)
{
	const struct pw_layout *l = &python->layout;
	const struct pw_field own[] = {l->gil_locked, l->gil_holder, l->gil_enabled};
	const struct pw_field shared[] = {l->runtime_gil_locked, l->runtime_gil_holder};
	c->interp_gil = c->gil_locked = -1;
	if (pw_has(l, interp_gil) && pw_has(l, gil_locked)) {
		c->interp_gil = l->interp_gil.offset;
		c->gil_at = FIRST_OF(own);
		c->gil_length = LENGTH_UP_TO(own) - c->gil_at;
		c->gil_locked = l->gil_locked.offset;
		c->gil_holder = l->gil_holder.offset;
	} else if (python->runtime && pw_has(l, runtime_gil_locked)) {
		c->gil = python->runtime;
		c->gil_at = FIRST_OF(shared);
		c->gil_length = LENGTH_UP_TO(shared) - c->gil_at;
		c->gil_locked = l->runtime_gil_locked.offset;
		c->gil_holder = l->runtime_gil_holder.offset;
	} else {
		c->gil = pw_locate_symbol(python, "_PyThreadState_Current");
		c->gil_length = WORD;
	}
}

static struct pw_error *check(const char *what, uint32_t length)
{
	if (length && length <= PW_EBPF_PIECE_MAX)
		return NULL;
	return pw_error_create(PW_ERROR_UNSUPPORTED,
			       "the engine ebpf cannot copy this interpreter's %s: it takes %u "
			       "bytes, at most %d were expected",
			       what, length, PW_EBPF_PIECE_MAX);
}

struct pw_error *pw_ebpf_config(struct pw_python *python, struct pw_ebpf_config *ret)
{
	const struct pw_layout *l = &python->layout;
	*ret = (struct pw_ebpf_config){
		.head_slot = python->head_slot,
		.model = PW_EBPF_FRAME,
		.code_type = python->code_type,
		.object_type = l->object_type.offset,
		.interp_next = l->interp_next.offset,
		.interp_threads = l->interp_threads_head.offset,
		.pthread_tid = (int32_t)python->target->arch->glibc_pthread_tid,
	};
	if (!python->head_slot)
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "the engine ebpf needs the list of interpreters, which was "
				       "not found in this process");
	if (pw_has(l, tstate_cframe))
		ret->model = pw_has(l, tstate_frame) ? PW_EBPF_BOTH : PW_EBPF_CFRAME;
	if (ret->model == PW_EBPF_CFRAME)
		ret->eval = python->eval;
	describe_cframe(l, ret);
	describe_tstate(l, ret);
	describe_frame(l, ret);
	describe_code(l, ret);
	describe_gil(python, ret);
	struct pw_error *error = check("thread states", ret->tstate_length);
	if (!error)
		error = check("frames", ret->frame_length);
	return error ? error : check("code objects", ret->code_length);
}
