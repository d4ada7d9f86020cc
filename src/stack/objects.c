/*
 * Objects, frames and exceptions by their addresses, for those who have a session.
 */
#include "stack/model.h"

#include "python/code_search.h"
#include "python/exception.h"

struct pw_error *pw_session_object(struct pw_session *session, uint64_t object,
				   struct pw_object *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_value_head(&session->python, object, ret);
	pw_session_values_end(session);
	return error;
}

char *pw_session_string(struct pw_session *session, uint64_t object,
			const struct pw_value_limits *limits, uint64_t *ret_length)
{
	pw_auto_buffer struct pw_buffer text = {0};
	pw_session_values_begin(session);
	bool ok = pw_value_string(&session->python, object, limits, &text, ret_length);
	pw_session_values_end(session);
	return ok && !text.failed ? pw_buffer_steal(&text) : NULL;
}

char *pw_session_frame_text(struct pw_session *session, uint64_t frame,
			    const struct pw_value_limits *limits)
{
	pw_auto_buffer struct pw_buffer text = {0};
	pw_session_values_begin(session);
	pw_pyframe_text(&session->python, frame, limits, &text);
	pw_session_values_end(session);
	return text.failed ? NULL : pw_buffer_steal(&text);
}

/* internal/pycore_stackref.h: the lowest bit says that no count is held, both that it is a number
 * (3.14+). */
struct pw_stackref pw_session_stackref(const struct pw_session *session, uint64_t bits)
{
	enum { TAGS = 3, NUMBER = 3 };
	if ((bits & TAGS) == NUMBER)
		return (struct pw_stackref){.is_int = true, .number = (int64_t)bits >> 2};
	return (struct pw_stackref){.object = bits & ~(uint64_t)TAGS};
}

struct pw_error *pw_session_thread_exceptions(struct pw_session *session, uint64_t tstate,
					      pw_thread_exception_visit visit, void *data)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_thread_exceptions(&session->python, tstate, visit, data);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_traceback(struct pw_session *session, uint64_t traceback,
				      pw_traceback_visit visit, void *data)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_traceback_walk(&session->python, traceback, visit, data);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_exception_text(struct pw_session *session, uint64_t type,
					   uint64_t value, const struct pw_value_limits *limits,
					   char **ret_type, char **ret_message, bool *ret_exact)
{
	pw_auto_buffer struct pw_buffer label = {0}, message = {0};
	pw_session_values_begin(session);
	pw_exception_text(&session->python, type, value, limits, &label, &message, ret_exact);
	pw_session_values_end(session);
	*ret_type = *ret_message = NULL;
	if (label.failed || message.failed)
		return &pw_error_nomem;
	*ret_type = pw_buffer_steal(&label);
	*ret_message = pw_buffer_steal(&message);
	return NULL;
}

struct pw_error *pw_session_codes(struct pw_session *session, pw_code_visit visit, void *data)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_code_search(&session->python, visit, data);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_code_places(struct pw_session *session, uint64_t code,
					pw_code_place_visit visit, void *data)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_code_places(&session->python, code, visit, data);
	pw_session_values_end(session);
	return error;
}

const char *pw_session_code_unwatchable(struct pw_session *session)
{
	pw_session_values_begin(session);
	const char *why = pw_code_unwatchable(&session->python);
	pw_session_values_end(session);
	return why;
}

struct pw_error *pw_session_newest_frame(struct pw_session *session, uint64_t tstate,
					 struct pw_newest_frame *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_newest_frame(&session->python, tstate, ret);
	pw_session_values_end(session);
	return error;
}

bool pw_session_eval_entry(struct pw_session *session, struct pw_eval_entry *ret)
{
	const struct pw_python *python = &session->python;
	const struct pw_layout *l = &python->layout;
	if (pw_has(l, code_adaptive) || !python->eval)
		return false;
	*ret = (struct pw_eval_entry){
		.function = python->eval,
		.argument = l->traits.eval_takes_state ? 1 : 0,
		.code_offset = (uint64_t)l->frame_code.offset,
		.position_offset = (uint64_t)l->frame_lasti.offset,
	};
	return true;
}

struct pw_error *pw_session_frame_instruction(struct pw_session *session, uint64_t frame,
					      uint64_t *ret_code, int64_t *ret_offset,
					      int *ret_line, bool *ret_behind)
{
	pw_session_values_begin(session);
	struct pw_error *error =
		pw_frame_instruction(&session->python, frame, ret_code, ret_offset, ret_line);
	pw_session_values_end(session);
	*ret_behind = pw_has(&session->python.layout, code_adaptive);
	return error;
}

void pw_session_arrive(struct pw_session *session, uint64_t frame, uint64_t instruction,
		       uint64_t offset)
{
	session->python.arrived_frame = frame;
	session->python.arrived_instr = instruction;
	session->python.arrived_offset = offset;
}
