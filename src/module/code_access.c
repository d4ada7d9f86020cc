/* Session: code objects, and where functions and lines begin in them. */
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

static struct pwm_session *usable(PyObject *object)
{
	struct pwm_session *self = (struct pwm_session *)object;
	return pwm_session_usable(self) ? self : NULL;
}

/* Gathered without Python's help: the interpreter lock may be released. */
struct codes {
	struct code {
		uint64_t code;
		char *name, *qualname, *file;
		int line;
		bool function;
	} * items;
	size_t count, capacity;
	bool failed;
};

static void free_code(struct code *code)
{
	free(code->name);
	free(code->qualname);
	free(code->file);
}

static bool visit_code(void *data, const struct pw_code_found *found)
{
	struct codes *c = data;
	if (c->count == c->capacity) {
		size_t capacity = c->capacity ? c->capacity * 2 : 256;
		struct code *items = realloc(c->items, capacity * sizeof(*items));
		c->failed = !items;
		if (c->failed)
			return false;
		c->items = items;
		c->capacity = capacity;
	}
	struct code one = {found->code,		strdup(found->name), strdup(found->qualname),
			   strdup(found->file), found->firstlineno,  found->function};
	c->failed = !one.name || !one.qualname || !one.file;
	if (c->failed)
		free_code(&one);
	else
		c->items[c->count++] = one;
	return !c->failed;
}

static PyObject *list_codes(const struct codes *c)
{
	PyObject *list = PyList_New((Py_ssize_t)c->count);
	for (size_t i = 0; list && i < c->count; i++) {
		const struct code *from = &c->items[i];
		PyObject *one = Py_BuildValue("(KNNNiN)", (unsigned long long)from->code,
					      pwm_text(from->name), pwm_text(from->qualname),
					      pwm_text(from->file), from->line,
					      PyBool_FromLong(from->function));
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_codes(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = usable(object);
	struct codes c = {0};
	if (!self)
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_codes(self->session, visit_code, &c);
	PyObject *result = NULL;
	if (pwm_leave(self, error))
		result = c.failed ? PyErr_NoMemory() : list_codes(&c);
	for (size_t i = 0; i < c.count; i++)
		free_code(&c.items[i]);
	free(c.items);
	return result;
}

struct places {
	struct pw_code_place *items;
	size_t count;
	bool failed;
};

static bool visit_place(void *data, const struct pw_code_place *place)
{
	struct places *p = data;
	struct pw_code_place *items = realloc(p->items, (p->count + 1) * sizeof(*items));
	p->failed = !items;
	if (p->failed)
		return false;
	p->items = items;
	p->items[p->count++] = *place;
	return true;
}

static PyObject *list_places(const struct places *p)
{
	PyObject *list = PyList_New((Py_ssize_t)p->count);
	for (size_t i = 0; list && i < p->count; i++) {
		const struct pw_code_place *from = &p->items[i];
		PyObject *one =
			Py_BuildValue("(KKiNNN)", (unsigned long long)from->address,
				      (unsigned long long)from->offset, from->line,
				      PyBool_FromLong(from->line_starts),
				      PyBool_FromLong(from->body), PyBool_FromLong(from->again));
		if (!one || PyList_SetItem(list, (Py_ssize_t)i, one) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_code_places(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long code;
	struct places p = {0};
	if (!self || !PyArg_ParseTuple(args, "K:code_places", &code))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_code_places(self->session, code, visit_place, &p);
	PyObject *result = NULL;
	if (pwm_leave(self, error))
		result = p.failed ? PyErr_NoMemory() : list_places(&p);
	free(p.items);
	return result;
}

PyObject *pwm_session_code_unwatchable(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = usable(object);
	if (!self)
		return NULL;
	pwm_enter(self);
	const char *why = pw_session_code_unwatchable(self->session);
	return pwm_leave(self, NULL) ? pwm_text(why) : NULL;
}

PyObject *pwm_session_newest_frame(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long tstate;
	struct pw_newest_frame f = {0};
	if (!self || !PyArg_ParseTuple(args, "K:newest_frame", &tstate))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_newest_frame(self->session, tstate, &f);
	if (!pwm_leave(self, error))
		return NULL;
	return Py_BuildValue("(KKKN)", (unsigned long long)f.frame, (unsigned long long)f.code,
			     (unsigned long long)f.anchor, PyBool_FromLong(f.traced));
}

PyObject *pwm_session_eval_entry(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = usable(object);
	struct pw_eval_entry e;
	if (!self)
		return NULL;
	if (!pw_session_eval_entry(self->session, &e))
		Py_RETURN_NONE;
	return Py_BuildValue("(KIKK)", (unsigned long long)e.function, e.argument,
			     (unsigned long long)e.code_offset,
			     (unsigned long long)e.position_offset);
}

PyObject *pwm_session_frame_instruction(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long frame;
	uint64_t code = 0;
	int64_t offset = 0;
	int line = 0;
	bool behind = false;
	if (!self || !PyArg_ParseTuple(args, "K:frame_instruction", &frame))
		return NULL;
	pwm_enter(self);
	struct pw_error *error =
		pw_session_frame_instruction(self->session, frame, &code, &offset, &line, &behind);
	if (!pwm_leave(self, error))
		return NULL;
	return Py_BuildValue("(KLNN)", (unsigned long long)code, (long long)offset,
			     pwm_int_or_none(line, line > 0), PyBool_FromLong(behind));
}

PyObject *pwm_session_arrive(PyObject *object, PyObject *args)
{
	struct pwm_session *self = usable(object);
	unsigned long long frame, instruction, offset;
	if (!self || !PyArg_ParseTuple(args, "KKK:arrive", &frame, &instruction, &offset))
		return NULL;
	pw_session_arrive(self->session, frame, instruction, offset);
	Py_RETURN_NONE;
}
