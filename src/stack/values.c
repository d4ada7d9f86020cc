/*
 * Values for those who have a session: reads of one value come from one copy of its pages.
 */
#include "stack/model.h"

#include "python/value.h"
#include "python/variables.h"

#include <stdlib.h>
#include <string.h>

/* A debugger's target stands still until it says otherwise: its pages are kept. */
void pw_session_values_begin(struct pw_session *session)
{
	struct pw_target *target = session->target;
	pw_object_budget(&session->python);
	if (target->ops->stop || !target->snapshot)
		pw_error_destroy(pw_snapshot_begin(target));
}

void pw_session_values_end(struct pw_session *session)
{
	if (session->target->ops->stop)
		pw_snapshot_end(session->target);
}

char *pw_session_value(struct pw_session *session, uint64_t object,
		       const struct pw_value_limits *limits)
{
	pw_auto_buffer struct pw_buffer text = {0};
	pw_session_values_begin(session);
	pw_value_text(&session->python, object, limits, &text);
	pw_session_values_end(session);
	return text.failed ? NULL : pw_buffer_steal(&text);
}

char *pw_session_value_type(struct pw_session *session, uint64_t object)
{
	pw_auto_buffer struct pw_buffer text = {0};
	pw_session_values_begin(session);
	pw_value_type_name(&session->python, object, &text);
	pw_session_values_end(session);
	return text.failed ? NULL : pw_buffer_steal(&text);
}

struct pw_error *pw_session_value_attribute(struct pw_session *session, uint64_t object,
					    const char *name, uint64_t *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_value_attribute(&session->python, object, name, ret);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_value_index(struct pw_session *session, uint64_t object, int64_t index,
					uint64_t *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_value_item_index(&session->python, object, index, ret);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_value_key(struct pw_session *session, uint64_t object,
				      const struct pw_value_key *key, uint64_t *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_value_item_key(&session->python, object, key, ret);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_value_children(struct pw_session *session, uint64_t object,
					   size_t start, size_t count, pw_value_visit visit,
					   void *data, uint64_t *ret_total)
{
	pw_session_values_begin(session);
	struct pw_error *error =
		pw_value_children(&session->python, object, start, count, visit, data, ret_total);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_exception(struct pw_session *session, uint64_t object,
				      struct pw_exception *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_exception_read(&session->python, object, ret);
	pw_session_values_end(session);
	return error;
}

struct pw_error *pw_session_variables(struct pw_session *session, uint64_t frame, uint64_t code,
				      pw_variable_visit visit, void *data, struct pw_scope *ret)
{
	struct pw_pyframe of = {.address = frame, .code = code};
	struct pw_variables variables;
	bool more = true;
	pw_session_values_begin(session);
	pw_variables_read(&session->python, &of, &variables);
	pw_session_values_end(session);
	for (size_t i = 0; i < variables.count && more; i++) {
		const struct pw_variable_slot *slot = &variables.items[i];
		struct pw_variable variable = {slot->name, slot->kind, slot->object, NULL};
		more = visit(data, &variable);
	}
	*ret = (struct pw_scope){variables.more, variables.names, variables.globals,
				 variables.builtins};
	struct pw_error *error = variables.error;
	variables.error = NULL;
	pw_variables_deinit(&variables);
	return error;
}

struct pw_error *pw_session_value_about(struct pw_session *session, uint64_t object,
					struct pw_value_about *ret)
{
	pw_session_values_begin(session);
	struct pw_error *error = pw_value_about(&session->python, object, ret);
	pw_session_values_end(session);
	return error;
}
