/* Session: objects, frames and exceptions by address. */
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

static struct pwm_session *usable(PyObject *object)
{
	struct pwm_session *self = (struct pwm_session *)object;
	return pwm_session_usable(self) ? self : NULL;
}

PyObject *pwm_session_object(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	struct pw_object head = {0};
	if (!self || !PyArg_ParseTuple(args, "K:object", &address))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_object(self->session, address, &head);
	if (!pwm_leave(self, error))
		return NULL;
	return Py_BuildValue("(KNN)", (unsigned long long)head.type,
			     head.counted ? pwm_address(head.refcount) : pwm_int_or_none(0, false),
			     PyBool_FromLong(head.immortal));
}

PyObject *pwm_session_string(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	struct pw_value_limits limits;
	uint64_t length = 0;
	if (!self || !PyArg_ParseTuple(args, "KO&:string", &address, pwm_convert_limits, &limits))
		return NULL;
	pwm_enter(self);
	char *text = pw_session_string(self->session, address, &limits, &length);
	PyObject *result = NULL;
	if (pwm_leave(self, NULL))
		result = text ? Py_BuildValue("(NK)", pwm_text(text), (unsigned long long)length)
			      : pwm_text(NULL);
	free(text);
	return result;
}

PyObject *pwm_session_frame_text(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	struct pw_value_limits limits;
	if (!self ||
	    !PyArg_ParseTuple(args, "KO&:frame_text", &address, pwm_convert_limits, &limits))
		return NULL;
	pwm_enter(self);
	char *text = pw_session_frame_text(self->session, address, &limits);
	PyObject *result = NULL;
	if (pwm_leave(self, NULL))
		result = text ? pwm_text(text) : PyErr_NoMemory();
	free(text);
	return result;
}

PyObject *pwm_session_stackref(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long bits;
	if (!self || !PyArg_ParseTuple(args, "K:stackref", &bits))
		return NULL;
	struct pw_stackref ref = pw_session_stackref(self->session, bits);
	return Py_BuildValue("(KN)", (unsigned long long)ref.object,
			     pwm_int_or_none(ref.number, ref.is_int));
}

/* ---- exceptions ---- */

enum { EXCEPTIONS_MAX = 1 << 12 };

struct exceptions {
	struct pw_thread_exception *items;
	size_t count;
	bool failed;
};

/* Gathered without Python's help: the interpreter lock may be released. */
static bool visit_exception(void *data, const struct pw_thread_exception *exception)
{
	struct exceptions *e = data;
	struct pw_thread_exception *items = realloc(e->items, (e->count + 1) * sizeof(*items));
	e->failed = !items;
	if (!items)
		return false;
	e->items = items;
	e->items[e->count++] = *exception;
	return e->count < EXCEPTIONS_MAX;
}

static PyObject *list_exceptions(const struct exceptions *e)
{
	PyObject *list = PyList_New((Py_ssize_t)e->count);
	for (size_t i = 0; list && i < e->count; i++) {
		const struct pw_thread_exception *from = &e->items[i];
		PyObject *one = Py_BuildValue(
			"(NKKK)", PyBool_FromLong(from->raised), (unsigned long long)from->type,
			(unsigned long long)from->value, (unsigned long long)from->traceback);
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_thread_exceptions(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long tstate;
	struct exceptions e = {0};
	if (!self || !PyArg_ParseTuple(args, "K:thread_exceptions", &tstate))
		return NULL;
	pwm_enter(self);
	struct pw_error *error =
		pw_session_thread_exceptions(self->session, tstate, visit_exception, &e);
	PyObject *result = NULL;
	if (pwm_leave(self, error))
		result = e.failed ? PyErr_NoMemory() : list_exceptions(&e);
	free(e.items);
	return result;
}

/* The newest entries are those that tell most: the oldest are dropped beyond `most`. */
struct traceback {
	struct entry {
		char *name, *qualname, *file;
		int line;
		uint64_t frame, code;
	} * items;
	size_t count, most, total;
	bool failed;
};

static void free_entry(struct entry *entry)
{
	free(entry->name);
	free(entry->qualname);
	free(entry->file);
}

static char *copy(const char *text, bool *failed)
{
	char *copied = text ? strdup(text) : NULL;
	*failed = *failed || (text && !copied);
	return copied;
}

static bool visit_entry(void *data, const struct pw_traceback_entry *entry)
{
	struct traceback *t = data;
	struct entry *to = &t->items[t->total++ % t->most];
	if (t->count == t->most)
		free_entry(to);
	else
		t->count++;
	*to = (struct entry){.line = entry->line, .frame = entry->frame, .code = entry->code};
	to->name = copy(entry->name, &t->failed);
	to->qualname = copy(entry->qualname, &t->failed);
	to->file = copy(entry->file, &t->failed);
	return !t->failed;
}

static PyObject *list_entries(const struct traceback *t)
{
	PyObject *list = PyList_New((Py_ssize_t)t->count);
	for (size_t i = 0; list && i < t->count; i++) {
		const struct entry *from = &t->items[(t->total - t->count + i) % t->most];
		PyObject *one = Py_BuildValue(
			"(NNNNKK)", pwm_text(from->name), pwm_text(from->qualname),
			pwm_text(from->file), pwm_int_or_none(from->line, from->line > 0),
			(unsigned long long)from->frame, (unsigned long long)from->code);
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_traceback(PyObject *object, PyObject *args)
{
	enum { ENTRIES_MAX = 1 << 16 };
	struct pwm_session *self = usable(object);
	unsigned long long address;
	Py_ssize_t most;
	struct traceback t = {0};
	if (!self || !PyArg_ParseTuple(args, "Kn:traceback", &address, &most))
		return NULL;
	if (most < 1 || most > ENTRIES_MAX)
		return pwm_raise_usage("most must be between 1 and 65536");
	t.most = (size_t)most;
	t.items = calloc(t.most, sizeof(*t.items));
	if (!t.items)
		return PyErr_NoMemory();
	pwm_enter(self);
	struct pw_error *error = pw_session_traceback(self->session, address, visit_entry, &t);
	PyObject *result = NULL;
	/* What was read before the damage is of use. */
	if (pwm_leave(self, NULL))
		result = t.failed ? PyErr_NoMemory()
				  : Py_BuildValue("(KNN)", (unsigned long long)t.total,
						  list_entries(&t),
						  pwm_text(error ? pw_error_message(error) : NULL));
	pw_error_destroy(error);
	for (size_t i = 0; i < t.count; i++)
		free_entry(&t.items[i]);
	free(t.items);
	return result;
}

PyObject *pwm_session_exception_text(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long type, value;
	struct pw_value_limits limits;
	char *label = NULL, *message = NULL;
	bool exact = false;
	if (!self || !PyArg_ParseTuple(args, "KKO&:exception_text", &type, &value,
				       pwm_convert_limits, &limits))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_exception_text(self->session, type, value, &limits,
							   &label, &message, &exact);
	PyObject *result = NULL;
	if (pwm_leave(self, error))
		result = Py_BuildValue("(NNN)", pwm_text(label), pwm_text(message),
				       PyBool_FromLong(exact));
	free(label);
	free(message);
	return result;
}
