/*
 * Frames as values: Objects/frameobject.c, frame_repr (3.7+); and where a frame stands, by its
 * address.
 */
#include "python/code.h"
#include "python/value_private.h"

#include "base/text.h"

#include <inttypes.h>

int pw_pyframe_line(struct pw_python *python, const struct pw_code *code,
		    const struct pw_pyframe *frame)
{
	if (!code->table.data)
		return 0;
	return pw_lines_find(python->layout.traits.lines, (const uint8_t *)code->table.data,
			     code->table.length, code->firstlineno,
			     pw_code_lasti(python, code, frame))
		.line;
}

/* "file 'x.py', line 1, code f" */
static void print_place(struct pw_values *v, const struct pw_pyframe *frame)
{
	struct pw_code code;
	pw_object_budget(v->python);
	pw_code_load(v->python, frame->code, &code);
	pw_values_emit(v, "file ");
	pw_print_text(v, code.filename ? code.filename : "?");
	int line = pw_pyframe_line(v->python, &code, frame);
	if (line > 0)
		pw_values_emitf(v, ", line %d, code ", line);
	else
		pw_values_emit(v, ", line ?, code ");
	pw_text_append_printable(v->out, code.name ? code.name : "?");
	pw_code_deinit(&code);
}

void pw_print_frame(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct pw_pyframe frame;
	if (!v->l->traits.frame_shown) {
		pw_values_plain(v, object, t, false);
		return;
	}
	pw_values_emitf(v, "<frame at 0x%" PRIx64 ", ", object);
	pw_auto_error struct pw_error *error = pw_pyframe_read(v->python, object, true, &frame);
	if (error) {
		v->bad = pw_error_address(error) ? pw_error_address(error) : object;
		pw_values_unreadable(v);
	} else {
		print_place(v, &frame);
	}
	pw_values_emit(v, ">");
}

void pw_pyframe_text(struct pw_python *python, uint64_t address,
		     const struct pw_value_limits *limits, struct pw_buffer *ret)
{
	struct pw_values v;
	struct pw_pyframe frame;
	pw_values_init(&v, python, limits, ret);
	pw_auto_error struct pw_error *error = pw_pyframe_read(python, address, false, &frame);
	pw_values_emitf(&v, "<interpreter frame at 0x%" PRIx64, address);
	pw_auto_error struct pw_error *none =
		error ? NULL : pw_object_check_code(python, frame.code);
	if (error)
		pw_values_emitf(&v, ": unreadable at 0x%" PRIx64,
				pw_error_address(error) ? pw_error_address(error) : address);
	else if (none)
		pw_values_emit(&v, " without a code object");
	else {
		pw_values_emit(&v, ", ");
		print_place(&v, &frame);
	}
	pw_values_emit(&v, ">");
}
