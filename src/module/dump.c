/* Dump: what the target was doing at one moment. */
#include "module/module.h"

#include <stdlib.h>

PyObject *pwm_dump_type;

PyObject *pwm_dump_create(struct pwm_session *session, struct pw_dump *dump)
{
	PyObject *object = PyType_GenericAlloc((PyTypeObject *)pwm_dump_type, 0);
	if (!object) {
		pw_dump_destroy(dump);
		return NULL;
	}
	struct pwm_dump *self = (struct pwm_dump *)object;
	Py_INCREF(session);
	self->session = session;
	self->dump = dump;
	self->next = session->dumps;
	self->link = &session->dumps;
	if (self->next)
		self->next->link = &self->next;
	session->dumps = self;
	return object;
}

void pwm_dump_release(struct pwm_dump *self)
{
	if (!self->dump)
		return;
	pw_dump_destroy(self->dump);
	self->dump = NULL;
	*self->link = self->next;
	if (self->next)
		self->next->link = self->link;
	self->next = NULL;
	self->link = NULL;
}

static void dump_dealloc(PyObject *object)
{
	struct pwm_dump *self = (struct pwm_dump *)object;
	pwm_dump_release(self);
	Py_CLEAR(self->session);
	pwm_free(object);
}

bool pwm_dump_usable(const struct pwm_dump *self)
{
	if (!self->dump) {
		pwm_raise_closed("dump");
		return false;
	}
	return pwm_session_usable(self->session);
}

static struct pw_dump *usable(PyObject *object)
{
	struct pwm_dump *self = (struct pwm_dump *)object;
	return pwm_dump_usable(self) ? self->dump : NULL;
}

static PyObject *dump_close(PyObject *object, PyObject *unused)
{
	struct pwm_dump *self = (struct pwm_dump *)object;
	if (self->session->busy)
		return pwm_raise_usage("the session is in use");
	pwm_dump_release(self);
	Py_RETURN_NONE;
}

static PyObject *dump_pause(PyObject *object, PyObject *unused)
{
	struct pw_dump *dump = usable(object);
	return dump ? pwm_address(pw_dump_pause(dump)) : NULL;
}

/* Each function below builds one item of a list. */
static PyObject *problem(PyObject *object, size_t i)
{
	return pwm_text(pw_dump_problem(((struct pwm_dump *)object)->dump, i));
}

static PyObject *interpreter(PyObject *object, size_t i)
{
	const struct pw_interpreter *in = pw_dump_interpreter(((struct pwm_dump *)object)->dump, i);
	return Py_BuildValue("(LKN)", (long long)pw_interpreter_id(in),
			     (unsigned long long)pw_interpreter_address(in),
			     PyBool_FromLong(pw_interpreter_main(in)));
}

static PyObject *thread(PyObject *object, size_t i)
{
	struct pwm_dump *self = (struct pwm_dump *)object;
	return pwm_thread_create(self, pw_dump_thread(self->dump, i));
}

static PyObject *list_of(PyObject *object, size_t count, PyObject *(*item)(PyObject *, size_t))
{
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *value = item(object, i);
		if (!value || PyList_SetItem(list, (Py_ssize_t)i, value) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *dump_problems(PyObject *object, PyObject *unused)
{
	struct pw_dump *dump = usable(object);
	return dump ? list_of(object, pw_dump_problem_count(dump), problem) : NULL;
}

static PyObject *dump_interpreters(PyObject *object, PyObject *unused)
{
	struct pw_dump *dump = usable(object);
	return dump ? list_of(object, pw_dump_interpreter_count(dump), interpreter) : NULL;
}

static PyObject *dump_threads(PyObject *object, PyObject *unused)
{
	struct pw_dump *dump = usable(object);
	return dump ? list_of(object, pw_dump_thread_count(dump), thread) : NULL;
}

static PyObject *dump_write(PyObject *object, PyObject *args)
{
	struct pwm_dump *self = (struct pwm_dump *)object;
	const char *format;
	int color;
	if (!PyArg_ParseTuple(args, "sp:write", &format, &color) || !usable(object))
		return NULL;
	struct pwm_output output = {0};
	pwm_enter(self->session);
	struct pw_error *error =
		pw_dump_write(self->session->session, self->dump, format,
			      color ? PW_WRITE_COLOR : 0, pwm_output_write, &output);
	if (!pwm_leave(self->session, error)) {
		free(output.data);
		return NULL;
	}
	return pwm_output_text(&output);
}

static PyMethodDef dump_methods[] = {
	{"close", dump_close, METH_NOARGS, "close(): release the dump's memory"},
	{"pause", dump_pause, METH_NOARGS, "pause() -> nanoseconds"},
	{"problems", dump_problems, METH_NOARGS, "problems() -> list of str"},
	{"interpreters", dump_interpreters, METH_NOARGS,
	 "interpreters() -> list of (id, address, main)"},
	{"threads", dump_threads, METH_NOARGS, "threads() -> list of Thread"},
	{"write", dump_write, METH_VARARGS, "write(format, color) -> str"},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot dump_slots[] = {
	{Py_tp_new, pwm_no_new},
	{Py_tp_dealloc, dump_dealloc},
	{Py_tp_methods, dump_methods},
	{Py_tp_doc, "What the target was doing at one moment."},
	{0, NULL},
};

static PyType_Spec dump_spec = {
	.name = "pywalk._pywalk.Dump",
	.basicsize = sizeof(struct pwm_dump),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = dump_slots,
};

int pwm_dump_init(PyObject *module)
{
	pwm_dump_type = PyType_FromSpec(&dump_spec);
	if (!pwm_dump_type)
		return -1;
	Py_INCREF(pwm_dump_type);
	return PyModule_AddObject(module, "Dump", pwm_dump_type);
}
