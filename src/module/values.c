/* Between the library's values and Python's: text, addresses, frames, and sequences of tuples. */
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

PyObject *pwm_text(const char *text)
{
	if (!text)
		Py_RETURN_NONE;
	/* The library promises UTF-8; a path that came in as bytes must come back the same. */
	return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

PyObject *pwm_address(uint64_t address)
{
	return PyLong_FromUnsignedLongLong(address);
}

PyObject *pwm_int_or_none(int64_t value, bool known)
{
	if (!known)
		Py_RETURN_NONE;
	return PyLong_FromLongLong(value);
}

static const char *proof_name(enum pw_proof proof)
{
	switch (proof) {
	case PW_PROOF_ABSENT:
		return NULL;
	case PW_PROOF_ADDRESS:
		return "address";
	case PW_PROOF_POINTER:
		return "pointer";
	case PW_PROOF_ORDER:
		return "order";
	case PW_PROOF_NONE:
		return "none";
	}
	return NULL;
}

/* A list of (name, kind, address, value), None when they were not asked for. */
static PyObject *variables_of(const struct pw_frame *f)
{
	if (!pw_frame_has_variables(f))
		Py_RETURN_NONE;
	size_t count = pw_frame_variable_count(f);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		const struct pw_variable *v = pw_frame_variable(f, i);
		PyObject *one =
			Py_BuildValue("(NsKN)", pwm_text(v->name), pw_variable_kind_name(v->kind),
				      (unsigned long long)v->address, pwm_text(v->value));
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *python_frame(const struct pw_frame *f)
{
	int line = pw_frame_line(f), end_line = pw_frame_end_line(f);
	int column = pw_frame_column(f), end_column = pw_frame_end_column(f);
	int64_t interpreter = pw_frame_interpreter(f), native = pw_frame_native_index(f);
	return Py_BuildValue(
		"(sNNNNNNNNKKKNNNNKOKOKOOONKK)", "python", pwm_text(pw_frame_name(f)),
		pwm_text(pw_frame_qualname(f)), pwm_text(pw_frame_file(f)),
		pwm_int_or_none(line, line > 0), pwm_int_or_none(end_line, end_line > 0),
		pwm_int_or_none(column, column >= 0), pwm_int_or_none(end_column, end_column >= 0),
		pwm_text(proof_name(pw_frame_proof(f))), (unsigned long long)pw_frame_address(f),
		(unsigned long long)pw_frame_code(f), (unsigned long long)pw_frame_anchor(f),
		pwm_int_or_none(interpreter, interpreter >= 0),
		pwm_int_or_none(native, native >= 0), PyBool_FromLong(pw_frame_incomplete(f)),
		PyBool_FromLong(pw_frame_entry(f)), 0ull, Py_None, 0ull, Py_None, 0ull, Py_False,
		Py_False, Py_None, variables_of(f), (unsigned long long)pw_frame_globals(f),
		(unsigned long long)pw_frame_builtins(f));
}

/* A native frame, or a gap. */
static PyObject *native_frame(const struct pw_frame *f)
{
	int64_t native = pw_frame_native_index(f);
	int line = pw_frame_line(f);
	return Py_BuildValue(
		"(sOONNOOOOKKKONOOKNKNKNNNOKK)",
		pw_frame_kind(f) == PW_FRAME_GAP ? "gap" : "native", Py_None, Py_None,
		pwm_text(pw_frame_file(f)), pwm_int_or_none(line, line > 0), Py_None, Py_None,
		Py_None, Py_None, 0ull, 0ull, 0ull, Py_None, pwm_int_or_none(native, native >= 0),
		Py_False, Py_False, (unsigned long long)pw_frame_pc(f),
		pwm_text(pw_frame_symbol(f)), (unsigned long long)pw_frame_offset(f),
		pwm_text(pw_frame_module(f)), (unsigned long long)pw_frame_sp(f),
		PyBool_FromLong(pw_frame_inlined(f) && pw_frame_kind(f) != PW_FRAME_GAP),
		PyBool_FromLong(pw_frame_signal(f)), pwm_text(pw_frame_reason(f)), Py_None, 0ull,
		0ull);
}

PyObject *pwm_frame(const struct pw_frame *frame)
{
	return pw_frame_kind(frame) == PW_FRAME_PYTHON ? python_frame(frame) : native_frame(frame);
}

bool pwm_output_write(void *data, const char *piece, size_t length)
{
	struct pwm_output *o = data;
	if (length > o->capacity - o->length) {
		size_t capacity = o->capacity ? o->capacity : 4096;
		while (capacity - o->length < length) {
			if (capacity > SIZE_MAX / 2)
				return false;
			capacity *= 2;
		}
		char *grown = realloc(o->data, capacity);
		if (!grown)
			return false;
		o->data = grown;
		o->capacity = capacity;
	}
	if (length)
		memcpy(o->data + o->length, piece, length);
	o->length += length;
	return true;
}

PyObject *pwm_output_text(struct pwm_output *output)
{
	PyObject *text = PyUnicode_DecodeUTF8(output->data ? output->data : "",
					      (Py_ssize_t)output->length, "surrogateescape");
	free(output->data);
	*output = (struct pwm_output){0};
	return text;
}

bool pwm_array_init(struct pwm_array *array, PyObject *sequence, const char *what,
		    size_t element_size, pwm_fill_fn fill)
{
	*array = (struct pwm_array){0};
	array->items = PySequence_Tuple(sequence);
	if (!array->items)
		return false;
	Py_ssize_t count = PyTuple_Size(array->items);
	array->data = calloc(count > 0 ? (size_t)count : 1, element_size);
	if (!array->data) {
		PyErr_NoMemory();
		pwm_array_deinit(array);
		return false;
	}
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *item = PyTuple_GetItem(array->items, i);
		if (!PyTuple_Check(item)) {
			PyErr_Format(PyExc_TypeError, "item %zd of %s must be a tuple", i, what);
			pwm_array_deinit(array);
			return false;
		}
		if (!fill(item, (char *)array->data + (size_t)i * element_size)) {
			pwm_array_deinit(array);
			return false;
		}
	}
	array->count = (size_t)count;
	return true;
}

void pwm_array_deinit(struct pwm_array *array)
{
	Py_CLEAR(array->items);
	free(array->data);
	array->data = NULL;
}

bool pwm_fill_mapping(PyObject *item, void *element)
{
	struct pw_reader_mapping *m = element;
	unsigned long long start, end, offset;
	int writable, executable;
	if (!PyArg_ParseTuple(item, "KKKzpp:mapping", &start, &end, &offset, &m->path, &writable,
			      &executable))
		return false;
	m->start = start;
	m->end = end;
	m->offset = offset;
	m->writable = writable;
	m->executable = executable;
	return true;
}

/* By DWARF number; None where the value is not known. */
static bool fill_thread_registers(PyObject *sequence, struct pw_reader_thread *t)
{
	enum { ROOM = sizeof(t->registers) / sizeof(t->registers[0]) };
	PyObject *values = PySequence_Tuple(sequence);
	if (!values)
		return false;
	Py_ssize_t count = PyTuple_Size(values);
	for (Py_ssize_t i = 0; i < count && i < ROOM && !PyErr_Occurred(); i++) {
		PyObject *value = PyTuple_GetItem(values, i);
		if (value == Py_None)
			continue;
		t->registers[i] = PyLong_AsUnsignedLongLongMask(value);
		t->known |= UINT64_C(1) << i;
	}
	Py_DECREF(values);
	return !PyErr_Occurred();
}

bool pwm_fill_thread(PyObject *item, void *element)
{
	struct pw_reader_thread *t = element;
	unsigned long long tid, thread_pointer, stack_pointer, pc = 0;
	PyObject *registers = NULL;
	int running = 0;
	if (!PyArg_ParseTuple(item, "KKKz|KOp:thread", &tid, &thread_pointer, &stack_pointer,
			      &t->name, &pc, &registers, &running))
		return false;
	t->tid = tid;
	t->thread_pointer = thread_pointer;
	t->stack_pointer = stack_pointer;
	t->pc = pc;
	t->running = running;
	return !registers || fill_thread_registers(registers, t);
}

static bool fill_registers(PyObject *sequence, struct pw_native_frame *f)
{
	PyObject *values = PySequence_Tuple(sequence);
	if (!values)
		return false;
	Py_ssize_t count = PyTuple_Size(values);
	if (count > PW_REGISTER_COUNT)
		count = PW_REGISTER_COUNT;
	for (Py_ssize_t i = 0; i < count; i++)
		f->registers[i] = PyLong_AsUnsignedLongLongMask(PyTuple_GetItem(values, i));
	f->register_count = (unsigned)count;
	Py_DECREF(values);
	return !PyErr_Occurred();
}

bool pwm_fill_native_frame(PyObject *item, void *element)
{
	struct pw_native_frame *f = element;
	unsigned long long pc, sp, cfa, symbol_start;
	int inlined, signal = 0;
	PyObject *registers;
	if (!PyArg_ParseTuple(item, "KKKzKzpO|pziz:native frame", &pc, &sp, &cfa, &f->symbol,
			      &symbol_start, &f->module, &inlined, &registers, &signal, &f->file,
			      &f->line, &f->reason))
		return false;
	f->pc = pc;
	f->sp = sp;
	f->cfa = cfa;
	f->symbol_start = symbol_start;
	f->inlined = inlined;
	f->signal = signal;
	return fill_registers(registers, f);
}
