/* Session: values by address, their parts by name and position. */
#include "module/module.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct pwm_session *usable(PyObject *object)
{
	struct pwm_session *self = (struct pwm_session *)object;
	return pwm_session_usable(self) ? self : NULL;
}

int pwm_convert_limits(PyObject *tuple, void *ret)
{
	struct pw_value_limits *limits = ret;
	return PyArg_ParseTuple(tuple, "IIIII:limits", &limits->depth, &limits->items,
				&limits->characters, &limits->bytes, &limits->reads);
}

/* Text that the library allocated. */
static PyObject *take_text(struct pwm_session *self, char *text)
{
	bool ok = pwm_leave(self, NULL);
	PyObject *result = !ok ? NULL : text ? pwm_text(text) : PyErr_NoMemory();
	free(text);
	return result;
}

PyObject *pwm_session_value(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	struct pw_value_limits limits;
	if (!self || !PyArg_ParseTuple(args, "KO&:value", &address, pwm_convert_limits, &limits))
		return NULL;
	pwm_enter(self);
	return take_text(self, pw_session_value(self->session, address, &limits));
}

PyObject *pwm_session_value_type(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	if (!self || !PyArg_ParseTuple(args, "K:value_type", &address))
		return NULL;
	pwm_enter(self);
	return take_text(self, pw_session_value_type(self->session, address));
}

PyObject *pwm_session_attribute(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	const char *name;
	uint64_t found = 0;
	if (!self || !PyArg_ParseTuple(args, "Ks:attribute", &address, &name))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_value_attribute(self->session, address, name, &found);
	return pwm_leave(self, error) ? pwm_address(found) : NULL;
}

PyObject *pwm_session_index(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	long long index;
	uint64_t found = 0;
	if (!self || !PyArg_ParseTuple(args, "KL:index", &address, &index))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_value_index(self->session, address, index, &found);
	return pwm_leave(self, error) ? pwm_address(found) : NULL;
}

/* ---- keys ---- */

enum { KEY_DEPTH_MAX = 16 };

static void free_key(struct pw_value_key *key)
{
	struct pw_value_key *items = (struct pw_value_key *)key->items;
	for (size_t i = 0; items && i < key->item_count; i++)
		free_key(&items[i]);
	free(items);
	free((char *)key->text);
}

static bool copy_bytes(PyObject *bytes, struct pw_value_key *key)
{
	char *data;
	Py_ssize_t length;
	if (PyBytes_AsStringAndSize(bytes, &data, &length) < 0)
		return false;
	char *copy = malloc((size_t)length + 1);
	if (!copy) {
		PyErr_NoMemory();
		return false;
	}
	memcpy(copy, data, (size_t)length);
	key->text = copy;
	key->length = (size_t)length;
	return true;
}

static bool fill_key(PyObject *object, unsigned depth, struct pw_value_key *key);

static bool fill_tuple(PyObject *tuple, unsigned depth, struct pw_value_key *key)
{
	size_t count = (size_t)PyTuple_Size(tuple);
	struct pw_value_key *items = calloc(count + 1, sizeof(*items));
	if (!items) {
		PyErr_NoMemory();
		return false;
	}
	key->kind = PW_KEY_TUPLE;
	key->items = items;
	key->item_count = count;
	for (size_t i = 0; i < count; i++)
		if (!fill_key(PyTuple_GetItem(tuple, (Py_ssize_t)i), depth + 1, &items[i]))
			return false;
	return true;
}

static bool fill_key(PyObject *object, unsigned depth, struct pw_value_key *key)
{
	if (PyUnicode_Check(object)) {
		PyObject *bytes = PyUnicode_AsUTF8String(object);
		key->kind = PW_KEY_TEXT;
		bool ok = bytes && copy_bytes(bytes, key);
		Py_XDECREF(bytes);
		return ok;
	}
	if (PyBytes_Check(object)) {
		key->kind = PW_KEY_BYTES;
		return copy_bytes(object, key);
	}
	if (object == Py_None) {
		key->kind = PW_KEY_NONE;
		return true;
	}
	if (PyLong_Check(object)) {
		key->kind = PyBool_Check(object) ? PW_KEY_BOOL : PW_KEY_NUMBER;
		key->number = PyLong_AsLongLong(object);
		return !PyErr_Occurred();
	}
	if (PyTuple_Check(object) && depth < KEY_DEPTH_MAX)
		return fill_tuple(object, depth, key);
	PyErr_SetString(PyExc_TypeError,
			"a key is a str, bytes, int, bool, None, or a tuple of these");
	return false;
}

PyObject *pwm_session_key(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	PyObject *wanted;
	uint64_t found = 0;
	struct pw_value_key key = {0};
	if (!self || !PyArg_ParseTuple(args, "KO:key", &address, &wanted))
		return NULL;
	if (!fill_key(wanted, 0, &key)) {
		free_key(&key);
		return NULL;
	}
	pwm_enter(self);
	struct pw_error *error = pw_session_value_key(self->session, address, &key, &found);
	free_key(&key);
	return pwm_leave(self, error) ? pwm_address(found) : NULL;
}

/* ---- children ---- */

/* Gathered without Python's help: the interpreter lock may be released. */
struct child {
	char *name;
	uint64_t address;
};

struct children {
	struct child *items;
	size_t count, capacity;
	bool failed;
};

static bool visit_child(void *data, const char *name, uint64_t address)
{
	struct children *c = data;
	if (c->count == c->capacity) {
		size_t capacity = c->capacity ? c->capacity * 2 : 32;
		struct child *items = realloc(c->items, capacity * sizeof(*items));
		c->failed = !items;
		if (c->failed)
			return false;
		c->items = items;
		c->capacity = capacity;
	}
	char *copy = strdup(name);
	c->failed = !copy;
	if (copy)
		c->items[c->count++] = (struct child){copy, address};
	return copy != NULL;
}

static PyObject *list_of(struct children *c)
{
	PyObject *list = PyList_New((Py_ssize_t)c->count);
	for (size_t i = 0; list && i < c->count; i++) {
		PyObject *one = Py_BuildValue("(NK)", pwm_text(c->items[i].name),
					      (unsigned long long)c->items[i].address);
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_children(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	Py_ssize_t start, count;
	uint64_t total = 0;
	struct children c = {0};
	if (!self || !PyArg_ParseTuple(args, "Knn:children", &address, &start, &count))
		return NULL;
	if (start < 0 || count < 0)
		return pwm_raise_usage("start and count must not be negative");
	pwm_enter(self);
	struct pw_error *error = pw_session_value_children(self->session, address, (size_t)start,
							   (size_t)count, visit_child, &c, &total);
	PyObject *result = NULL;
	if (pwm_leave(self, error))
		result = c.failed ? PyErr_NoMemory()
				  : Py_BuildValue("(KN)", (unsigned long long)total, list_of(&c));
	for (size_t i = 0; i < c.count; i++)
		free(c.items[i].name);
	free(c.items);
	return result;
}

PyObject *pwm_session_exception(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long address;
	struct pw_exception e = {0};
	if (!self || !PyArg_ParseTuple(args, "K:exception", &address))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_exception(self->session, address, &e);
	if (!pwm_leave(self, error))
		return NULL;
	return Py_BuildValue("(KKKKKN)", (unsigned long long)e.type, (unsigned long long)e.args,
			     (unsigned long long)e.cause, (unsigned long long)e.context,
			     (unsigned long long)e.traceback, PyBool_FromLong(e.suppress_context));
}
