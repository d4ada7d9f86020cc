/*
 * PyCodeObject: Include/code.h, cpython/code.h (2.7, 3.6-3.15).  Instruction pointers of 3.11+:
 * internal/pycore_frame.h (_PyInterpreterFrame_LASTI), incomplete frames: _PyFrame_IsIncomplete.
 * Copies of bytecode: Include/cpython/code.h _PyCodeArray (3.14+ free-threaded).
 */
#include "python/code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TOUCH_MAX = 1 << 16 };

void pw_code_deinit(struct pw_code *code)
{
	free(code->name);
	free(code->qualname);
	free(code->filename);
	pw_buffer_deinit(&code->table);
	pw_error_destroy(code->error);
	*code = (struct pw_code){0};
}

static struct pw_field table_field(const struct pw_layout *l)
{
	return pw_has(l, code_linetable) ? l->code_linetable : l->code_lnotab;
}

/* Reads an object's head and, for strings and bytes, its content: sizes come from ob_size or
 * length, which stand at the same place. */
static void touch_sized(struct pw_python *python, uint64_t object, unsigned width)
{
	uint64_t size = 0;
	char scratch[4096];
	pw_auto_error struct pw_error *error =
		pw_read_field(python, object, python->layout.var_size, &size);
	if (error || size > TOUCH_MAX)
		size = error ? 0 : TOUCH_MAX;
	uint64_t left = 128 + size * width;
	if (left > python->budget.touched)
		return;
	python->budget.touched -= left;
	for (uint64_t at = object; left;) {
		size_t step = left < sizeof(scratch) ? left : sizeof(scratch);
		pw_auto_error struct pw_error *bad = pw_read(python->target, at, scratch, step);
		if (bad)
			return;
		at += step;
		left -= step;
	}
}

void pw_code_touch(struct pw_python *python, uint64_t address)
{
	const struct pw_layout *l = &python->layout;
	const struct pw_field fields[] = {l->code_name, l->code_filename, l->code_qualname,
					  table_field(l)};
	uint64_t object, type;
	uint32_t line;
	pw_error_destroy(pw_object_type(python, address, &type));
	pw_error_destroy(
		pw_read_u32(python->target, address + (uint64_t)l->code_firstlineno.offset, &line));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].offset < 0)
			continue;
		pw_auto_error struct pw_error *error =
			pw_read_field(python, address, fields[i], &object);
		if (!error)
			touch_sized(python, object, 4);
	}
}

/* The first error is kept: later ones mostly follow from it. */
static void keep(struct pw_code *code, struct pw_error *error, const char *what)
{
	error = pw_error_prefix(error, "%s of code object 0x%" PRIx64, what, code->address);
	if (!code->error)
		code->error = error;
	else
		pw_error_destroy(error);
}

static char *load_string(struct pw_python *python, struct pw_code *code, struct pw_field f,
			 const char *what)
{
	pw_auto_buffer struct pw_buffer text = {0};
	uint64_t object;
	struct pw_error *error = pw_read_field(python, code->address, f, &object);
	if (!error)
		error = pw_object_string(python, object, &text);
	if (error) {
		keep(code, error, what);
		return NULL;
	}
	return pw_buffer_steal(&text);
}

void pw_code_find_bytecode(struct pw_python *python, struct pw_code *code)
{
	const struct pw_layout *l = &python->layout;
	uint32_t first;
	if (!pw_has(l, code_adaptive))
		return;
	code->bytecode = code->address + (uint64_t)l->code_adaptive.offset;
	pw_auto_error struct pw_error *error = pw_read_u32(
		python->target, code->address + (uint64_t)l->code_firsttraceable.offset, &first);
	code->firsttraceable = error || !pw_has(l, code_firsttraceable) ? 0 : (int)first;
	uint64_t units;
	pw_auto_error struct pw_error *sizeless =
		pw_read_field(python, code->address, l->var_size, &units);
	code->internal = !sizeless && units && (uint64_t)code->firsttraceable >= units;
	if (pw_has(l, code_tlbc)) {
		pw_auto_error struct pw_error *bad =
			pw_read_field(python, code->address, l->code_tlbc, &code->tlbc);
		if (bad)
			code->tlbc = 0;
	}
}

void pw_code_load(struct pw_python *python, uint64_t address, struct pw_code *ret)
{
	const struct pw_layout *l = &python->layout;
	*ret = (struct pw_code){.address = address};
	if ((ret->error = pw_object_check_code(python, address)))
		return;
	uint32_t first = 0;
	uint64_t table;
	struct pw_error *error =
		pw_read_u32(python->target, address + (uint64_t)l->code_firstlineno.offset, &first);
	ret->firstlineno = (int)first;
	if (error)
		keep(ret, error, "first line");
	ret->name = load_string(python, ret, l->code_name, "name");
	ret->filename = load_string(python, ret, l->code_filename, "file name");
	if (pw_has(l, code_qualname))
		ret->qualname = load_string(python, ret, l->code_qualname, "qualified name");
	error = pw_read_field(python, address, table_field(l), &table);
	if (!error)
		error = pw_object_bytes(python, table, &ret->table);
	if (error)
		keep(ret, error, "line table");
	pw_code_find_bytecode(python, ret);
}

/* Where this thread's copy of the bytecode begins; the array's size stands before its entries. */
static uint64_t copy_of_bytecode(struct pw_python *python, const struct pw_code *code,
				 int32_t index)
{
	uint64_t size, copy;
	if (index <= 0 || !code->tlbc)
		return code->bytecode;
	pw_auto_error struct pw_error *e1 = pw_read_u64(python->target, code->tlbc, &size);
	if (e1 || (uint64_t)index >= size)
		return code->bytecode;
	pw_auto_error struct pw_error *e2 =
		pw_read_u64(python->target, code->tlbc + 8 + (uint64_t)index * 8, &copy);
	return e2 || !copy ? code->bytecode : copy;
}

int64_t pw_code_lasti(struct pw_python *python, const struct pw_code *code,
		      const struct pw_pyframe *frame)
{
	if (!pw_has(&python->layout, code_adaptive))
		return frame->lasti;
	uint64_t start = copy_of_bytecode(python, code, frame->tlbc);
	if (frame->instr < start || frame->instr - start > INT32_MAX)
		return -1;
	return (int64_t)(frame->instr - start);
}

bool pw_code_incomplete(const struct pw_layout *layout, const struct pw_code *code,
			const struct pw_pyframe *frame, int64_t lasti)
{
	if (!pw_has(layout, code_adaptive) || frame->owner == layout->owner_generator.offset)
		return false;
	return lasti < (int64_t)code->firsttraceable * 2;
}
