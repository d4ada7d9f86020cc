/*
 * _pywalk: the C half of the Python package `pywalk`, a limited-API (abi3) extension.
 *
 * It turns pywalk.h into four types of handles (Session, Dump, Thread, Profile) and everything else
 * into plain tuples, strings and integers; pywalk/__init__.py gives those names and documentation.
 * It decides nothing about CPython or about stacks.
 *
 * Lifetimes: a Thread keeps its Dump alive, a Dump its Session.  Closing a session destroys the
 * dumps taken from it; what is left of them raises ClosedError.  While a call is inside the library
 * (a reader's callback may run any Python code) every other use of the session raises UsageError.
 */
#ifndef PW_MODULE_MODULE_H
#define PW_MODULE_MODULE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03070000
#include <Python.h>

#include "pywalk.h"

struct pwm_dump;

struct pwm_session {
	PyObject_HEAD struct pw_session *session; /* NULL: closed */
	PyObject *read;				  /* the reader's methods; NULL without a reader */
	PyObject *symbol;
	PyObject *warn;		 /* callable, NULL: warnings are dropped */
	PyThreadState *released; /* not NULL: the interpreter lock is released */
	struct pwm_dump *dumps;	 /* all of its dumps that are not destroyed, borrowed */
	bool busy;		 /* a call is inside the library */
	bool raised;		 /* a callback left an exception behind */
};

struct pwm_dump {
	PyObject_HEAD struct pwm_session *session; /* owned */
	struct pw_dump *dump;			   /* NULL: destroyed */
	struct pwm_dump *next, **link;		   /* in session->dumps */
};

struct pwm_thread {
	PyObject_HEAD struct pwm_dump *dump; /* owned */
	struct pw_thread *thread;	     /* borrowed of the dump */
};

extern PyObject *pwm_session_type, *pwm_dump_type, *pwm_thread_type;

/* The tp_new of all types: they come from functions of the module only. */
PyObject *pwm_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
/* Frees the object's storage and its share of the type. */
void pwm_free(PyObject *object);

/* ---- errors.c ---- */

int pwm_errors_init(PyObject *module);
/* Raises the exception that fits `error` and destroys it.  Returns NULL. */
PyObject *pwm_raise(struct pw_error *error);
PyObject *pwm_raise_closed(const char *what);
PyObject *pwm_raise_usage(const char *message);

/* ---- session.c ---- */

int pwm_session_init(PyObject *module);
extern PyMethodDef
	pwm_session_functions[]; /* of the module: open_pid(), open_core(), open_reader() */
/* false with an exception when the session is closed or a call is inside the library. */
bool pwm_session_usable(const struct pwm_session *self);
/* Around every call into the library that may call back or take long.  After the call, pwm_leave()
 * returns true when it succeeded; otherwise it has raised: a callback's exception first, then
 * `error`. */
void pwm_enter(struct pwm_session *self);
bool pwm_leave(struct pwm_session *self, struct pw_error *error);

/* ---- dump.c ---- */

int pwm_dump_init(PyObject *module);
/* Takes over `dump`. */
PyObject *pwm_dump_create(struct pwm_session *session, struct pw_dump *dump);
/* Destroys what the handle holds; the handle stays. */
void pwm_dump_release(struct pwm_dump *self);
bool pwm_dump_usable(const struct pwm_dump *self);

/* ---- thread.c ---- */

int pwm_thread_init(PyObject *module);
PyObject *pwm_thread_create(struct pwm_dump *dump, struct pw_thread *thread);

/* ---- profile.c: the type, and functions of the module ---- */

int pwm_profile_init(PyObject *module);

/* ---- value_access.c: methods of Session ---- */

PyObject *pwm_session_value(PyObject *self, PyObject *args);
PyObject *pwm_session_value_type(PyObject *self, PyObject *args);
PyObject *pwm_session_attribute(PyObject *self, PyObject *args);
PyObject *pwm_session_index(PyObject *self, PyObject *args);
PyObject *pwm_session_key(PyObject *self, PyObject *args);
PyObject *pwm_session_children(PyObject *self, PyObject *args);
PyObject *pwm_session_exception(PyObject *self, PyObject *args);
/* scope.c: methods of Session */
PyObject *pwm_session_variables(PyObject *self, PyObject *args);
PyObject *pwm_session_about(PyObject *self, PyObject *args);
/* For PyArg_ParseTuple(): a tuple of five numbers into a struct pw_value_limits. */
int pwm_convert_limits(PyObject *tuple, void *ret);

/* ---- object_access.c: methods of Session ---- */

PyObject *pwm_session_object(PyObject *self, PyObject *args);
PyObject *pwm_session_string(PyObject *self, PyObject *args);
PyObject *pwm_session_frame_text(PyObject *self, PyObject *args);
PyObject *pwm_session_stackref(PyObject *self, PyObject *args);
PyObject *pwm_session_thread_exceptions(PyObject *self, PyObject *args);
PyObject *pwm_session_traceback(PyObject *self, PyObject *args);
PyObject *pwm_session_exception_text(PyObject *self, PyObject *args);

/* ---- code_access.c: methods of Session ---- */

PyObject *pwm_session_codes(PyObject *self, PyObject *unused);
PyObject *pwm_session_code_places(PyObject *self, PyObject *args);
PyObject *pwm_session_code_unwatchable(PyObject *self, PyObject *unused);
PyObject *pwm_session_newest_frame(PyObject *self, PyObject *args);
PyObject *pwm_session_eval_entry(PyObject *self, PyObject *unused);
PyObject *pwm_session_frame_instruction(PyObject *self, PyObject *args);
PyObject *pwm_session_arrive(PyObject *self, PyObject *args);

/* ---- values.c ---- */

/* New references.  NULL text becomes None. */
PyObject *pwm_text(const char *text);
PyObject *pwm_address(uint64_t address);
PyObject *pwm_int_or_none(int64_t value, bool known);
PyObject *pwm_frame(const struct pw_frame *frame);

/* What a writer of the library writes, gathered in one piece. */
struct pwm_output {
	char *data;
	size_t length, capacity;
};
bool pwm_output_write(void *data, const char *piece, size_t length);
/* A str of it; releases the storage. */
PyObject *pwm_output_text(struct pwm_output *output);

/* Parsed sequences of tuples.  The C array points into `items`, which owns the strings.  `fill`
 * parses one item. */
struct pwm_array {
	PyObject *items;
	void *data;
	size_t count;
};
typedef bool (*pwm_fill_fn)(PyObject *item, void *element);
/* `what` names the sequence in messages.  false: raised. */
bool pwm_array_init(struct pwm_array *array, PyObject *sequence, const char *what,
		    size_t element_size, pwm_fill_fn fill);
void pwm_array_deinit(struct pwm_array *array);
bool pwm_fill_mapping(PyObject *item, void *element);
bool pwm_fill_thread(PyObject *item, void *element);
bool pwm_fill_native_frame(PyObject *item, void *element);

#endif
