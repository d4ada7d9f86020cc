/*
 * The format "json": the object that docs/pywalk-dump.schema.json describes, schema pywalk-dump/1.
 *
 * Values are built and printed by jansson, one frame at a time; only the brackets around them are
 * written here, so that the memory needed does not grow with the dump.
 */
#include "output/writer.h"

#include "output/json_text.h"

#include <inttypes.h>
#include <string.h>

static json_t *address(uint64_t a)
{
	return a ? json_sprintf("0x%" PRIx64, a) : json_null();
}

static json_t *number_or_null(int64_t n, bool known)
{
	return known ? json_integer(n) : json_null();
}

/* A missing value (out of memory) makes the object lack the key, which the caller sees by the
 * count. */
static bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new_nocheck(object, key, value) == 0;
}

static int sink_callback(const char *piece, size_t length, void *data)
{
	struct pw_sink *sink = data;
	pw_buffer_append(pw_sink_buffer(sink), piece, length);
	return 0;
}

/* Prints one value, and destroys it.  `complete` is false when memory ran out while it was built.
 */
static struct pw_error *emit(struct pw_sink *sink, json_t *value, size_t flags, bool complete)
{
	if (!value)
		return &pw_error_nomem;
	if (complete)
		complete = json_dump_callback(value, sink_callback, sink,
					      flags | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER) == 0;
	json_decref(value);
	return complete ? NULL : &pw_error_nomem;
}

static const char *proof_name(enum pw_proof proof)
{
	static const char *const names[] = {
		[PW_PROOF_ADDRESS] = "address",
		[PW_PROOF_POINTER] = "pointer",
		[PW_PROOF_ORDER] = "order",
		[PW_PROOF_NONE] = "none",
	};
	return (size_t)proof < sizeof(names) / sizeof(names[0]) ? names[proof] : NULL;
}

/* {"name", "kind", "value": text or null when unbound, "address"} */
static bool put_locals(json_t *o, const struct pw_frame *f, size_t *flags)
{
	json_t *list = json_array();
	bool ok = list != NULL;
	for (size_t i = 0; ok && i < pw_frame_variable_count(f); i++) {
		const struct pw_variable *v = pw_frame_variable(f, i);
		json_t *one = json_object();
		ok = one && put(one, "name", pw_json_text(v->name, flags)) &&
		     put(one, "kind", json_string(pw_variable_kind_name(v->kind))) &&
		     put(one, "value", pw_json_text(v->value, flags)) &&
		     put(one, "address", address(v->address)) && json_array_append(list, one) == 0;
		json_decref(one);
	}
	if (!ok) {
		json_decref(list);
		return false;
	}
	return put(o, "locals", list) &&
	       (!pw_frame_variables_more(f) ||
		put(o, "locals_more", json_integer((json_int_t)pw_frame_variables_more(f)))) &&
	       (!pw_frame_variables_problem(f) ||
		put(o, "locals_problem", pw_json_text(pw_frame_variables_problem(f), flags)));
}

static struct pw_error *emit_python_frame(struct pw_sink *sink, const struct pw_frame *f)
{
	size_t flags = 0;
	json_t *o = json_object();
	const char *proof = proof_name(pw_frame_proof(f));
	bool ok = o && put(o, "kind", json_string("python")) &&
		  put(o, "name", pw_json_text(pw_frame_name(f), &flags)) &&
		  put(o, "qualname", pw_json_text(pw_frame_qualname(f), &flags)) &&
		  put(o, "file", pw_json_text(pw_frame_file(f), &flags)) &&
		  put(o, "line", number_or_null(pw_frame_line(f), pw_frame_line(f) > 0));
	if (ok && pw_frame_end_line(f) > 0)
		ok = put(o, "end_line", json_integer(pw_frame_end_line(f)));
	if (ok && pw_frame_column(f) >= 0)
		ok = put(o, "column", json_integer(pw_frame_column(f)));
	if (ok && pw_frame_end_column(f) >= 0)
		ok = put(o, "end_column", json_integer(pw_frame_end_column(f)));
	ok = ok &&
	     put(o, "interpreter",
		 number_or_null(pw_frame_interpreter(f), pw_frame_interpreter(f) >= 0)) &&
	     put(o, "address", address(pw_frame_address(f))) &&
	     put(o, "code", address(pw_frame_code(f))) &&
	     put(o, "entry", json_boolean(pw_frame_entry(f))) &&
	     put(o, "incomplete", json_boolean(pw_frame_incomplete(f)));
	if (ok && pw_frame_anchor(f))
		ok = put(o, "anchor", address(pw_frame_anchor(f)));
	if (ok && proof)
		ok = put(o, "proof", json_string(proof));
	if (ok && pw_frame_has_variables(f))
		ok = put_locals(o, f, &flags);
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_native_frame(struct pw_sink *sink, const struct pw_frame *f)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put(o, "kind", json_string("native")) &&
		  put(o, "pc", json_sprintf("0x%" PRIx64, pw_frame_pc(f))) &&
		  (!pw_frame_sp(f) || put(o, "sp", address(pw_frame_sp(f)))) &&
		  put(o, "symbol", pw_json_text(pw_frame_symbol(f), &flags)) &&
		  put(o, "offset",
		      number_or_null((int64_t)pw_frame_offset(f),
				     pw_frame_symbol(f) != NULL && !pw_frame_inlined(f))) &&
		  put(o, "module", pw_json_text(pw_frame_module(f), &flags));
	if (ok && pw_frame_file(f))
		ok = put(o, "file", pw_json_text(pw_frame_file(f), &flags));
	if (ok && pw_frame_line(f) > 0)
		ok = put(o, "line", json_integer(pw_frame_line(f)));
	if (ok && pw_frame_inlined(f))
		ok = put(o, "inlined", json_true());
	if (ok && pw_frame_signal(f))
		ok = put(o, "signal", json_true());
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_gap(struct pw_sink *sink, const struct pw_frame *f)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put(o, "kind", json_string("gap")) &&
		  put(o, "pc", json_sprintf("0x%" PRIx64, pw_frame_pc(f))) &&
		  put(o, "reason", pw_json_text(pw_frame_reason(f), &flags));
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_frame(struct pw_sink *sink, const struct pw_frame *f)
{
	switch (pw_frame_kind(f)) {
	case PW_FRAME_NATIVE:
		return emit_native_frame(sink, f);
	case PW_FRAME_GAP:
		return emit_gap(sink, f);
	case PW_FRAME_PYTHON:
		break;
	}
	return emit_python_frame(sink, f);
}

/* The keys of a thread that dump and info share. */
static bool put_thread(json_t *o, const struct pw_thread *t, size_t *flags)
{
	const char *name = pw_thread_name(t);
	enum pw_tristate gil = pw_thread_holds_gil(t);
	int64_t interpreter = pw_thread_interpreter(t);

	bool nested = pw_thread_ns_tid(t) != pw_thread_tid(t);

	return put(o, "tid", number_or_null((int64_t)pw_thread_tid(t), pw_thread_tid(t) != 0)) &&
	       (!nested || put(o, "ns_tid", json_integer((json_int_t)pw_thread_ns_tid(t)))) &&
	       put(o, "name", pw_json_text(name ? name : pw_thread_kernel_name(t), flags)) &&
	       put(o, "kernel_name", pw_json_text(pw_thread_kernel_name(t), flags)) &&
	       put(o, "interpreter", number_or_null(interpreter, interpreter >= 0)) &&
	       put(o, "state_address", address(pw_thread_state_address(t))) &&
	       put(o, "holds_gil", gil == PW_UNKNOWN ? json_null() : json_boolean(gil == PW_YES)) &&
	       put(o, "state", pw_json_text(pw_thread_state(t), flags)) &&
	       put(o, "capture", pw_json_text(pw_thread_capture(t), flags)) &&
	       put(o, "stopped_us", json_real((double)pw_thread_stopped(t) / 1e3));
}

static struct pw_error *emit_end(struct pw_sink *sink, const struct pw_thread *t)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put(o, "reason", json_string(pw_end_reason_name(pw_thread_end(t))));
	bool needs_address = pw_thread_end(t) == PW_END_UNREADABLE;
	if (ok && (needs_address || pw_thread_end_address(t)))
		ok = put(o, "address", json_sprintf("0x%" PRIx64, pw_thread_end_address(t)));
	if (ok && pw_thread_end_message(t))
		ok = put(o, "message", pw_json_text(pw_thread_end_message(t), &flags));
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_native_end(struct pw_sink *sink, const struct pw_thread *t)
{
	size_t flags = 0;
	json_t *o = json_object();
	enum pw_native_end end = pw_thread_native_end(t);
	bool ok = o && put(o, "reason", json_string(pw_native_end_name(end)));
	if (ok && pw_thread_native_end_address(t))
		ok = put(o, "address", address(pw_thread_native_end_address(t)));
	if (ok && pw_thread_native_end_message(t))
		ok = put(o, "message", pw_json_text(pw_thread_native_end_message(t), &flags));
	return emit(sink, o, flags, ok);
}

static struct pw_error *write_thread(struct pw_sink *sink, const struct pw_thread *t)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put_thread(o, t, &flags);

	/* JSON_EMBED leaves the braces out: the frames go into the same object, one by one. */
	pw_buffer_append_char(b, '{');
	struct pw_error *error = emit(sink, o, flags | JSON_EMBED, ok);

	if (error)
		return error;
	pw_buffer_append_string(b, ", \"frames\": [");
	for (size_t i = 0; i < pw_thread_frame_count(t) && pw_sink_settle(sink); i++) {
		const struct pw_frame *frame = pw_thread_frame(t, i);
		pw_buffer_append_string(b, i ? ",\n   " : "\n   ");
		error = emit_frame(sink, frame);
		if (error)
			return error;
	}
	if (pw_thread_native_end(t) != PW_NATIVE_END_NONE) {
		pw_buffer_append_string(b, "],\n   \"native_end\": ");
		error = emit_native_end(sink, t);
		if (error)
			return error;
		pw_buffer_append_string(b, ",\n   \"end\": ");
	} else {
		pw_buffer_append_string(b, "],\n   \"end\": ");
	}
	error = emit_end(sink, t);
	pw_buffer_append_char(b, '}');
	return error;
}

static struct pw_error *write_single_thread(struct pw_sink *sink, const struct pw_thread *t)
{
	struct pw_error *error = write_thread(sink, t);
	pw_buffer_append_char(pw_sink_buffer(sink), '\n');
	return error;
}

static json_t *build_flags(const struct pw_session *session, size_t *flags)
{
	const char *const *build = pw_session_python_build(session);
	json_t *array = json_array();

	for (size_t i = 0; array && build && build[i]; i++) {
		if (json_array_append_new(array, pw_json_text(build[i], flags)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static struct pw_error *emit_process(struct pw_sink *sink, const struct pw_session *session)
{
	size_t flags = 0;
	json_t *o = json_object(), *python = json_object();
	int64_t pid = pw_session_pid(session), inner = pw_session_ns_pid(session);
	int64_t parent = pw_session_parent_pid(session);
	bool ok =
		o && python &&
		put(python, "version", pw_json_text(pw_session_python_version(session), &flags)) &&
		put(python, "build", build_flags(session, &flags)) &&
		put(python, "layout", pw_json_text(pw_session_layout(session), &flags)) &&
		put(o, "pid", number_or_null(pid, pid != 0)) &&
		(!inner || inner == pid || put(o, "ns_pid", json_integer(inner))) &&
		(!parent || put(o, "parent_pid", json_integer(parent))) &&
		put(o, "executable", pw_json_text(pw_session_executable(session), &flags));
	if (ok)
		ok = put(o, "python", python);
	else
		json_decref(python);
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_interpreters(struct pw_sink *sink, const struct pw_dump *dump)
{
	json_t *array = json_array();
	bool ok = array;

	for (size_t i = 0; ok && i < pw_dump_interpreter_count(dump); i++) {
		const struct pw_interpreter *interpreter = pw_dump_interpreter(dump, i);
		json_t *o = json_object();
		ok = o && put(o, "id", json_integer(pw_interpreter_id(interpreter))) &&
		     put(o, "address", address(pw_interpreter_address(interpreter))) &&
		     put(o, "main", json_boolean(pw_interpreter_main(interpreter)));
		ok = json_array_append_new(array, o) == 0 && ok;
	}
	return emit(sink, array, 0, ok);
}

static struct pw_error *emit_problems(struct pw_sink *sink, const struct pw_dump *dump)
{
	size_t flags = 0;
	json_t *array = json_array();
	bool ok = array;

	for (size_t i = 0; ok && i < pw_dump_problem_count(dump); i++)
		ok = json_array_append_new(array, pw_json_text(pw_dump_problem(dump, i), &flags)) ==
		     0;
	return emit(sink, array, flags, ok);
}

static struct pw_error *write_dump(struct pw_sink *sink, const struct pw_writer_input *input)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	const char *comma = "";
	struct pw_error *error;

	pw_buffer_append_string(b, "{\"schema\": \"pywalk-dump/1\",\n \"process\": ");
	error = emit_process(sink, input->session);
	if (error)
		return error;
	pw_buffer_printf(b, ",\n \"pause_ns\": %" PRIu64 ",\n \"interpreters\": ",
			 pw_dump_pause(input->dump));
	error = emit_interpreters(sink, input->dump);
	if (error)
		return error;
	pw_buffer_append_string(b, ",\n \"threads\": [");
	for (size_t i = 0; i < pw_dump_thread_count(input->dump) && pw_sink_settle(sink); i++) {
		const struct pw_thread *thread = pw_dump_thread(input->dump, i);
		if (input->include && !input->include(input->include_data, thread))
			continue;
		pw_buffer_printf(b, "%s\n  ", comma);
		comma = ",";
		error = write_thread(sink, thread);
		if (error)
			return error;
	}
	pw_buffer_append_string(b, "],\n \"problems\": ");
	error = emit_problems(sink, input->dump);
	pw_buffer_append_string(b, "}\n");
	return error;
}

static struct pw_error *emit_fact(struct pw_sink *sink, const struct pw_fact *fact)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put(o, "group", pw_json_text(fact->group, &flags)) &&
		  put(o, "name", pw_json_text(fact->name, &flags)) &&
		  put(o, "value", pw_json_text(fact->value, &flags)) &&
		  put(o, "source", pw_json_text(fact->source ? fact->source : "", &flags));
	return emit(sink, o, flags, ok);
}

static struct pw_error *emit_info_thread(struct pw_sink *sink, const struct pw_thread *t)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put_thread(o, t, &flags) &&
		  put(o, "frame_count", json_integer((json_int_t)pw_thread_frame_count(t))) &&
		  put(o, "end", json_string(pw_end_reason_name(pw_thread_end(t))));
	return emit(sink, o, flags, ok);
}

static struct pw_error *write_info(struct pw_sink *sink, const struct pw_writer_input *input)
{
	struct pw_buffer *b = pw_sink_buffer(sink);
	struct pw_error *error;

	pw_buffer_append_string(b, "{\"schema\": \"pywalk-info/1\",\n \"process\": ");
	error = emit_process(sink, input->session);
	if (error)
		return error;
	pw_buffer_append_string(b, ",\n \"facts\": [");
	for (size_t i = 0; i < pw_session_fact_count(input->session) && pw_sink_settle(sink); i++) {
		pw_buffer_append_string(b, i ? ",\n  " : "\n  ");
		error = emit_fact(sink, pw_session_fact(input->session, i));
		if (error)
			return error;
	}
	pw_buffer_append_string(b, "],\n \"interpreters\": ");
	error = emit_interpreters(sink, input->dump);
	if (error)
		return error;
	pw_buffer_append_string(b, ",\n \"threads\": [");
	for (size_t i = 0; i < pw_dump_thread_count(input->dump) && pw_sink_settle(sink); i++) {
		pw_buffer_append_string(b, i ? ",\n  " : "\n  ");
		error = emit_info_thread(sink, pw_dump_thread(input->dump, i));
		if (error)
			return error;
	}
	pw_buffer_append_string(b, "]}\n");
	return NULL;
}

static struct pw_error *write_failure(struct pw_sink *sink, const char *target, const char *message)
{
	size_t flags = 0;
	json_t *o = json_object();
	bool ok = o && put(o, "target", pw_json_text(target, &flags)) &&
		  put(o, "message", pw_json_text(message, &flags));
	return emit(sink, o, flags, ok);
}

const struct pw_writer pw_writer_json = {
	.name = "json",
	.dump = write_dump,
	.thread = write_single_thread,
	.info = write_info,
	.list_begin = "{\"schema\": \"pywalk-dumps/1\",\n\"dumps\": [\n",
	.list_between = ",\n",
	.list_end = "]}\n",
	.list_failures = "],\n\"errors\": [",
	.failure = write_failure,
};
