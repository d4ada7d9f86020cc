/* Session: the variables of a frame, and what an object is. */
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

/* Gathered without Python's help: the interpreter lock may be released. */
struct one {
	char *name;
	enum pw_variable_kind kind;
	uint64_t address;
};

struct gathered {
	struct one *items;
	size_t count, capacity;
	bool failed;
};

static bool gather(void *data, const struct pw_variable *variable)
{
	struct gathered *g = data;
	if (g->count == g->capacity) {
		size_t capacity = g->capacity ? g->capacity * 2 : 32;
		struct one *items = realloc(g->items, capacity * sizeof(*items));
		g->failed = !items;
		if (g->failed)
			return false;
		g->items = items;
		g->capacity = capacity;
	}
	char *name = strdup(variable->name);
	g->failed = !name;
	if (name)
		g->items[g->count++] = (struct one){name, variable->kind, variable->address};
	return name != NULL;
}

static PyObject *list_of(const struct gathered *g)
{
	PyObject *list = PyList_New((Py_ssize_t)g->count);
	for (size_t i = 0; list && i < g->count; i++) {
		const struct one *one = &g->items[i];
		PyObject *tuple = Py_BuildValue("(NsK)", pwm_text(one->name),
						pw_variable_kind_name(one->kind), one->address);
		if (!tuple || PyList_SetItem(list, (Py_ssize_t)i, tuple) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *pwm_session_variables(PyObject *object, PyObject *args)
{
	struct pwm_session *self = (struct pwm_session *)object;
	unsigned long long frame, code;
	struct pw_scope scope = {0};
	struct gathered g = {0};
	if (!pwm_session_usable(self) || !PyArg_ParseTuple(args, "KK:variables", &frame, &code))
		return NULL;
	pwm_enter(self);
	struct pw_error *error =
		pw_session_variables(self->session, frame, code, gather, &g, &scope);
	PyObject *result = NULL;
	/* What could be read is good; why the rest could not goes along. */
	if (pwm_leave(self, NULL))
		result = g.failed ? PyErr_NoMemory()
				  : Py_BuildValue("(NKKKKN)", list_of(&g), scope.more, scope.names,
						  scope.globals, scope.builtins,
						  pwm_text(error ? pw_error_message(error) : NULL));
	pw_error_destroy(error);
	for (size_t i = 0; i < g.count; i++)
		free(g.items[i].name);
	free(g.items);
	return result;
}

PyObject *pwm_session_about(PyObject *object, PyObject *args)
{
	struct pwm_session *self = (struct pwm_session *)object;
	unsigned long long address;
	struct pw_value_about about;
	if (!pwm_session_usable(self) || !PyArg_ParseTuple(args, "K:about", &address))
		return NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_value_about(self->session, address, &about);
	if (!pwm_leave(self, error))
		return NULL;
	return Py_BuildValue("(sKN)", about.kind, (unsigned long long)about.type,
			     pwm_int_or_none(about.length, about.length >= 0));
}
