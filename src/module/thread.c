/* Thread: one thread of a dump. */
#include "module/module.h"

#include <stdlib.h>

PyObject *pwm_thread_type;

PyObject *pwm_thread_create(struct pwm_dump *dump, struct pw_thread *thread)
{
	PyObject *object = PyType_GenericAlloc((PyTypeObject *)pwm_thread_type, 0);
	if (!object)
		return NULL;
	struct pwm_thread *self = (struct pwm_thread *)object;
	Py_INCREF(dump);
	self->dump = dump;
	self->thread = thread;
	return object;
}

static void thread_dealloc(PyObject *object)
{
	Py_CLEAR(((struct pwm_thread *)object)->dump);
	pwm_free(object);
}

/* The library's thread, or NULL with an exception. */
static struct pw_thread *usable(PyObject *object)
{
	struct pwm_thread *self = (struct pwm_thread *)object;
	return pwm_dump_usable(self->dump) ? self->thread : NULL;
}

static PyObject *thread_info(PyObject *object, PyObject *unused)
{
	struct pw_thread *t = usable(object);
	if (!t)
		return NULL;
	int64_t interpreter = pw_thread_interpreter(t);
	enum pw_tristate gil = pw_thread_holds_gil(t);
	return Py_BuildValue(
		"(KNNNKNNNKK)", (unsigned long long)pw_thread_tid(t), pwm_text(pw_thread_name(t)),
		pwm_text(pw_thread_kernel_name(t)), pwm_int_or_none(interpreter, interpreter >= 0),
		(unsigned long long)pw_thread_state_address(t),
		gil == PW_UNKNOWN ? pwm_text(NULL) : PyBool_FromLong(gil == PW_YES),
		pwm_text(pw_thread_state(t)), pwm_text(pw_thread_capture(t)),
		(unsigned long long)pw_thread_stopped(t), (unsigned long long)pw_thread_ns_tid(t));
}

static PyObject *thread_end(PyObject *object, PyObject *unused)
{
	struct pw_thread *t = usable(object);
	if (!t)
		return NULL;
	return Py_BuildValue("(NKN)", pwm_text(pw_end_reason_name(pw_thread_end(t))),
			     (unsigned long long)pw_thread_end_address(t),
			     pwm_text(pw_thread_end_message(t)));
}

static PyObject *thread_native_end(PyObject *object, PyObject *unused)
{
	struct pw_thread *t = usable(object);
	if (!t)
		return NULL;
	if (pw_thread_native_end(t) == PW_NATIVE_END_NONE)
		Py_RETURN_NONE;
	return Py_BuildValue("(NKN)", pwm_text(pw_native_end_name(pw_thread_native_end(t))),
			     (unsigned long long)pw_thread_native_end_address(t),
			     pwm_text(pw_thread_native_end_message(t)));
}

static PyObject *thread_frames(PyObject *object, PyObject *unused)
{
	struct pw_thread *t = usable(object);
	if (!t)
		return NULL;
	size_t count = pw_thread_frame_count(t);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *frame = pwm_frame(pw_thread_frame(t, i));
		if (!frame || PyList_SetItem(list, (Py_ssize_t)i, frame) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *thread_merge(PyObject *object, PyObject *frames)
{
	struct pwm_thread *self = (struct pwm_thread *)object;
	if (!usable(object))
		return NULL;
	struct pwm_array native;
	if (!pwm_array_init(&native, frames, "native frames", sizeof(struct pw_native_frame),
			    pwm_fill_native_frame))
		return NULL;
	/* Parsing may have run code of the caller's. */
	if (!usable(object)) {
		pwm_array_deinit(&native);
		return NULL;
	}
	struct pwm_session *session = self->dump->session;
	pwm_enter(session);
	struct pw_error *error = pw_thread_merge(session->session, self->dump->dump, self->thread,
						 native.data, native.count);
	bool ok = pwm_leave(session, error);
	pwm_array_deinit(&native);
	if (!ok)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *thread_write(PyObject *object, PyObject *args)
{
	struct pwm_thread *self = (struct pwm_thread *)object;
	const char *format;
	int color;
	if (!PyArg_ParseTuple(args, "sp:write", &format, &color) || !usable(object))
		return NULL;
	struct pwm_output output = {0};
	struct pwm_session *session = self->dump->session;
	pwm_enter(session);
	struct pw_error *error =
		pw_thread_write(session->session, self->thread, format, color ? PW_WRITE_COLOR : 0,
				pwm_output_write, &output);
	if (!pwm_leave(session, error)) {
		free(output.data);
		return NULL;
	}
	return pwm_output_text(&output);
}

static PyMethodDef thread_methods[] = {
	{"info", thread_info, METH_NOARGS,
	 "info() -> (tid, name, kernel_name, interpreter, state_address, holds_gil, state, "
	 "capture, "
	 "stopped, ns_tid)"},
	{"end", thread_end, METH_NOARGS, "end() -> (reason, address, message)"},
	{"native_end", thread_native_end, METH_NOARGS,
	 "native_end() -> (reason, address, message), or None without native frames"},
	{"frames", thread_frames, METH_NOARGS, "frames() -> list of tuples, innermost first"},
	{"merge", thread_merge, METH_O,
	 "merge(native_frames): put native frames among the Python frames"},
	{"write", thread_write, METH_VARARGS, "write(format, color) -> str"},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot thread_slots[] = {
	{Py_tp_new, pwm_no_new},
	{Py_tp_dealloc, thread_dealloc},
	{Py_tp_methods, thread_methods},
	{Py_tp_doc, "One thread of a dump."},
	{0, NULL},
};

static PyType_Spec thread_spec = {
	.name = "pywalk._pywalk.Thread",
	.basicsize = sizeof(struct pwm_thread),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = thread_slots,
};

int pwm_thread_init(PyObject *module)
{
	pwm_thread_type = PyType_FromSpec(&thread_spec);
	if (!pwm_thread_type)
		return -1;
	Py_INCREF(pwm_thread_type);
	return PyModule_AddObject(module, "Thread", pwm_thread_type);
}
