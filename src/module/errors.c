/* The exceptions: pywalk.Error and one subclass for each code of pywalk.h. */
#include "module/module.h"

static PyObject *base_error, *closed_error;

static struct {
	enum pw_error_code code;
	const char *name; /* the value of `code` in Python */
	const char *class_name;
	const char *doc;
	PyObject *type;
} classes[] = {
	{PW_ERROR_USAGE, "usage", "pywalk.UsageError", "An argument makes no sense.", NULL},
	{PW_ERROR_NO_TARGET, "no-target", "pywalk.NoTargetError", "No such process or file.", NULL},
	{PW_ERROR_PERMISSION, "permission", "pywalk.PermissionDeniedError",
	 "The target is not ours to read.", NULL},
	{PW_ERROR_NOT_PYTHON, "not-python", "pywalk.NotPythonError",
	 "The target is readable, but holds no CPython that pywalk can find.", NULL},
	{PW_ERROR_FORMAT, "format", "pywalk.FormatError", "Not a core file, or a damaged one.",
	 NULL},
	{PW_ERROR_UNREADABLE, "unreadable", "pywalk.UnreadableError",
	 "The target cannot be read at `address`.", NULL},
	{PW_ERROR_CORRUPT, "corrupt", "pywalk.CorruptError",
	 "The target's data contradicts itself at `address`.", NULL},
	{PW_ERROR_LAYOUT, "layout", "pywalk.LayoutError", "No layout fits this interpreter.", NULL},
	{PW_ERROR_UNSUPPORTED, "unsupported", "pywalk.UnsupportedError",
	 "The target is readable, but not for this build of pywalk.", NULL},
	{PW_ERROR_IO, "io", "pywalk.InputOutputError", "Reading or writing failed.", NULL},
};

enum { CLASS_COUNT = sizeof(classes) / sizeof(classes[0]) };

static PyObject *new_class(PyObject *module, const char *name, const char *doc, PyObject *base,
			   const char *code)
{
	PyObject *members = Py_BuildValue("{s:s,s:i}", "code", code, "address", 0);
	if (!members)
		return NULL;
	PyObject *type = PyErr_NewExceptionWithDoc(name, doc, base, members);
	Py_DECREF(members);
	if (!type)
		return NULL;
	Py_INCREF(type);
	if (PyModule_AddObject(module, name + sizeof("pywalk.") - 1, type) < 0) {
		Py_DECREF(type);
		Py_DECREF(type);
		return NULL;
	}
	return type;
}

int pwm_errors_init(PyObject *module)
{
	base_error =
		new_class(module, "pywalk.Error",
			  "What pywalk cannot do.  `code` says of which kind, `address` is the "
			  "target's address that it is about, or 0.",
			  NULL, "error");
	if (!base_error)
		return -1;
	closed_error = new_class(module, "pywalk.ClosedError",
				 "The session, or what was taken from it, is closed.", base_error,
				 "closed");
	if (!closed_error)
		return -1;
	for (int i = 0; i < CLASS_COUNT; i++) {
		classes[i].type = new_class(module, classes[i].class_name, classes[i].doc,
					    base_error, classes[i].name);
		if (!classes[i].type)
			return -1;
	}
	return 0;
}

PyObject *pwm_raise(struct pw_error *error)
{
	enum pw_error_code code = pw_error_code(error);
	if (code == PW_ERROR_NOMEM) {
		pw_error_destroy(error);
		return PyErr_NoMemory();
	}
	PyObject *type = base_error;
	for (int i = 0; i < CLASS_COUNT; i++)
		if (classes[i].code == code)
			type = classes[i].type;
	PyObject *message = pwm_text(pw_error_message(error));
	PyObject *address = pwm_address(pw_error_address(error));
	pw_error_destroy(error);
	PyObject *exception = NULL;
	if (message && address)
		exception = PyObject_CallFunctionObjArgs(type, message, NULL);
	if (exception && PyObject_SetAttrString(exception, "address", address) == 0)
		PyErr_SetObject(type, exception);
	Py_XDECREF(exception);
	Py_XDECREF(address);
	Py_XDECREF(message);
	return NULL;
}

PyObject *pwm_raise_closed(const char *what)
{
	return PyErr_Format(closed_error, "the %s is closed", what);
}

PyObject *pwm_raise_usage(const char *message)
{
	PyErr_SetString(classes[0].type, message);
	return NULL;
}
