/* The module `_pywalk` itself. */
#include "module/module.h"

PyObject *pwm_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyErr_SetString(PyExc_TypeError, "objects of this type come from pywalk.Session");
	return NULL;
}

void pwm_free(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
	release(object);
	Py_DECREF(type);
}

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "pywalk._pywalk",
	.m_doc = "The C half of the package pywalk; use that.",
	.m_size = -1,
	.m_methods = pwm_session_functions,
};

PyMODINIT_FUNC PyInit__pywalk(void)
{
	PyObject *module = PyModule_Create(&definition);
	if (!module)
		return NULL;
	if (pwm_errors_init(module) < 0 || pwm_session_init(module) < 0 ||
	    pwm_dump_init(module) < 0 || pwm_thread_init(module) < 0 ||
	    pwm_profile_init(module) < 0 ||
	    PyModule_AddStringConstant(module, "version", pw_version()) < 0) {
		Py_DECREF(module);
		return NULL;
	}
	return module;
}
