/* Session: a target that is open, and the callbacks through which the library reads a debugger's.
 */
#include "module/module.h"

#include <string.h>

PyObject *pwm_session_type;

/* ---- in and out of the library ---- */

bool pwm_session_usable(const struct pwm_session *self)
{
	if (!self->session)
		pwm_raise_closed("session");
	else if (self->busy)
		pwm_raise_usage("the session is in use");
	else
		return true;
	return false;
}

void pwm_enter(struct pwm_session *self)
{
	self->busy = true;
	self->raised = false;
	/* A reader's callbacks are mostly Python: passing the lock to and fro would only cost. */
	if (!self->read)
		self->released = PyEval_SaveThread();
}

bool pwm_leave(struct pwm_session *self, struct pw_error *error)
{
	if (self->released) {
		PyEval_RestoreThread(self->released);
		self->released = NULL;
	}
	self->busy = false;
	if (self->raised) {
		pw_error_destroy(error);
		return false;
	}
	if (error)
		pwm_raise(error);
	return !error;
}

/* ---- callbacks ---- */

static bool copy_bytes(PyObject *result, void *buffer, size_t length)
{
	/* Takes everything that has a buffer, a memoryview for one. */
	PyObject *bytes = PyBytes_FromObject(result);
	char *data;
	Py_ssize_t size;
	if (!bytes)
		return false;
	bool ok = PyBytes_AsStringAndSize(bytes, &data, &size) == 0;
	if (ok && (size_t)size != length) {
		PyErr_Format(PyExc_ValueError, "read() returned %zd bytes instead of %zu", size,
			     length);
		ok = false;
	}
	if (ok)
		memcpy(buffer, data, length);
	Py_DECREF(bytes);
	return ok;
}

static bool read_callback(void *data, uint64_t address, void *buffer, size_t length)
{
	struct pwm_session *self = data;
	if (self->raised)
		return false;
	PyObject *result = PyObject_CallFunction(self->read, "KK", (unsigned long long)address,
						 (unsigned long long)length);
	bool ok = result && result != Py_None && copy_bytes(result, buffer, length);
	Py_XDECREF(result);
	if (PyErr_Occurred())
		self->raised = true;
	return ok;
}

static uint64_t symbol_callback(void *data, const char *name)
{
	struct pwm_session *self = data;
	if (self->raised)
		return 0;
	uint64_t address = 0;
	PyObject *result = PyObject_CallFunction(self->symbol, "s", name);
	if (result && result != Py_None)
		address = PyLong_AsUnsignedLongLong(result);
	Py_XDECREF(result);
	if (PyErr_Occurred()) {
		self->raised = true;
		return 0;
	}
	return address;
}

static void warn_callback(void *data, const char *message)
{
	struct pwm_session *self = data;
	if (self->raised)
		return;
	bool released = self->released;
	if (released)
		PyEval_RestoreThread(self->released);
	PyObject *text = pwm_text(message);
	PyObject *result = text ? PyObject_CallFunctionObjArgs(self->warn, text, NULL) : NULL;
	Py_XDECREF(text);
	if (!result)
		self->raised = true;
	Py_XDECREF(result);
	if (released)
		self->released = PyEval_SaveThread();
}

/* ---- opening ---- */

/* For "O&": a path is bytes, which the argument tuple keeps, or None. */
static int convert_path(PyObject *object, void *ret)
{
	const char **path = ret;
	char *bytes;
	if (object == Py_None) {
		*path = NULL;
		return 1;
	}
	/* Without a length, bytes with a NUL are refused. */
	if (PyBytes_AsStringAndSize(object, &bytes, NULL) < 0)
		return 0;
	*path = bytes;
	return 1;
}

/* The options that all ways of opening share: "O&O&O&O&O" in their argument tuples. */
struct open_options {
	const char *executable, *sysroot, *layouts, *debug_dir;
	PyObject *warn;
};

static struct pwm_session *new_session(const struct open_options *o, struct pw_options *ret)
{
	*ret = (struct pw_options){
		.size = sizeof(*ret),
		.executable = o->executable,
		.sysroot = o->sysroot,
		.layouts = o->layouts,
		.debug_dir = o->debug_dir,
	};
	struct pwm_session *self =
		(struct pwm_session *)PyType_GenericAlloc((PyTypeObject *)pwm_session_type, 0);
	if (self && o->warn != Py_None) {
		Py_INCREF(o->warn);
		self->warn = o->warn;
		ret->warn = warn_callback;
		ret->warn_data = self;
	}
	return self;
}

/* Hands the opened session out, or drops it when opening or a callback failed. */
static PyObject *finish_open(struct pwm_session *self, struct pw_session *session,
			     struct pw_error *error)
{
	bool opened = !error;
	if (pwm_leave(self, error)) {
		self->session = session;
		return (PyObject *)self;
	}
	if (opened)
		pw_session_close(session);
	Py_DECREF(self);
	return NULL;
}

static PyObject *open_pid(PyObject *module, PyObject *args)
{
	int pid;
	struct open_options o;
	struct pw_options options;
	if (!PyArg_ParseTuple(args, "iO&O&O&O&O:open_pid", &pid, convert_path, &o.executable,
			      convert_path, &o.sysroot, convert_path, &o.layouts, convert_path,
			      &o.debug_dir, &o.warn))
		return NULL;
	struct pwm_session *self = new_session(&o, &options);
	if (!self)
		return NULL;
	struct pw_session *session = NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_open_pid(pid, &options, &session);
	return finish_open(self, session, error);
}

static PyObject *open_core(PyObject *module, PyObject *args)
{
	const char *path;
	struct open_options o;
	struct pw_options options;
	if (!PyArg_ParseTuple(args, "O&O&O&O&O&O:open_core", convert_path, &path, convert_path,
			      &o.executable, convert_path, &o.sysroot, convert_path, &o.layouts,
			      convert_path, &o.debug_dir, &o.warn))
		return NULL;
	struct pwm_session *self = new_session(&o, &options);
	if (!self)
		return NULL;
	struct pw_session *session = NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_open_core(path, &options, &session);
	return finish_open(self, session, error);
}

static PyObject *open_reader(PyObject *module, PyObject *args)
{
	PyObject *read, *symbol, *mappings;
	const char *target_executable; /* as the target sees it; o.executable is the host's */
	long long pid;
	int local;
	Py_ssize_t unit;
	struct open_options o;
	struct pw_options options;
	if (!PyArg_ParseTuple(args, "OOLpOnO&O&O&O&O&O:open_reader", &read, &symbol, &pid, &local,
			      &mappings, &unit, convert_path, &target_executable, convert_path,
			      &o.executable, convert_path, &o.sysroot, convert_path, &o.layouts,
			      convert_path, &o.debug_dir, &o.warn))
		return NULL;
	if (unit < 0)
		return pwm_raise_usage("unit must not be negative");
	struct pwm_array array;
	if (!pwm_array_init(&array, mappings, "mappings", sizeof(struct pw_reader_mapping),
			    pwm_fill_mapping))
		return NULL;
	struct pwm_session *self = new_session(&o, &options);
	if (!self) {
		pwm_array_deinit(&array);
		return NULL;
	}
	Py_INCREF(read);
	self->read = read;
	Py_INCREF(symbol);
	self->symbol = symbol;
	struct pw_reader reader = {
		.size = sizeof(reader),
		.pid = pid,
		.local = local,
		.executable = target_executable,
		.read = read_callback,
		.symbol = symbol == Py_None ? NULL : symbol_callback,
		.data = self,
		.mappings = array.data,
		.mapping_count = array.count,
		.unit = (size_t)unit,
	};
	struct pw_session *session = NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_open_reader(&reader, &options, &session);
	pwm_array_deinit(&array);
	return finish_open(self, session, error);
}

PyMethodDef pwm_session_functions[] = {
	{"open_pid", open_pid, METH_VARARGS,
	 "open_pid(pid, executable, sysroot, layouts, debug_dir, warn) -> Session"},
	{"open_core", open_core, METH_VARARGS,
	 "open_core(path, executable, sysroot, layouts, debug_dir, warn) -> Session"},
	{"open_reader", open_reader, METH_VARARGS,
	 "open_reader(read, symbol, pid, local, mappings, unit, executable, sysroot, layouts, "
	 "debug_dir, warn) -> Session"},
	{NULL, NULL, 0, NULL},
};

/* ---- the type ---- */

static void close_session(struct pwm_session *self)
{
	while (self->dumps)
		pwm_dump_release(self->dumps);
	pw_session_close(self->session);
	self->session = NULL;
}

static int session_traverse(PyObject *object, visitproc visit, void *arg)
{
	struct pwm_session *self = (struct pwm_session *)object;
	Py_VISIT(self->read);
	Py_VISIT(self->symbol);
	Py_VISIT(self->warn);
	return 0;
}

static int session_clear(PyObject *object)
{
	struct pwm_session *self = (struct pwm_session *)object;
	/* Nothing may call back once these are gone. */
	close_session(self);
	Py_CLEAR(self->read);
	Py_CLEAR(self->symbol);
	Py_CLEAR(self->warn);
	return 0;
}

static void session_dealloc(PyObject *object)
{
	PyObject_GC_UnTrack(object);
	session_clear(object);
	pwm_free(object);
}

static PyObject *session_close(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = (struct pwm_session *)object;
	if (self->busy)
		return pwm_raise_usage("the session is in use");
	close_session(self);
	Py_RETURN_NONE;
}

static PyObject *session_closed(PyObject *object, PyObject *unused)
{
	return PyBool_FromLong(!((struct pwm_session *)object)->session);
}

static PyObject *session_set_threads(PyObject *object, PyObject *threads)
{
	struct pwm_session *self = (struct pwm_session *)object;
	struct pwm_array array;
	if (!pwm_array_init(&array, threads, "threads", sizeof(struct pw_reader_thread),
			    pwm_fill_thread))
		return NULL;
	bool ok = pwm_session_usable(self);
	if (ok) {
		pwm_enter(self);
		ok = pwm_leave(self,
			       pw_session_set_threads(self->session, array.data, array.count));
	}
	pwm_array_deinit(&array);
	if (!ok)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *session_set_mappings(PyObject *object, PyObject *mappings)
{
	struct pwm_session *self = (struct pwm_session *)object;
	struct pwm_array array;
	bool taken = false;
	if (!pwm_array_init(&array, mappings, "mappings", sizeof(struct pw_reader_mapping),
			    pwm_fill_mapping))
		return NULL;
	bool ok = pwm_session_usable(self);
	if (ok) {
		pwm_enter(self);
		ok = pwm_leave(self, pw_session_set_mappings(self->session, array.data, array.count,
							     &taken));
	}
	pwm_array_deinit(&array);
	return ok ? PyBool_FromLong(taken) : NULL;
}

static PyObject *session_keep_memory(PyObject *object, PyObject *args)
{
	struct pwm_session *self = (struct pwm_session *)object;
	int keep;
	if (!PyArg_ParseTuple(args, "p:keep_memory", &keep) || !pwm_session_usable(self))
		return NULL;
	pwm_enter(self);
	if (!pwm_leave(self, pw_session_keep_memory(self->session, keep)))
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *session_statistics(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = (struct pwm_session *)object;
	if (!pwm_session_usable(self))
		return NULL;
	struct pw_read_statistics s = pw_session_read_statistics(self->session);
	return Py_BuildValue("(KKKKKK)", (unsigned long long)s.reads, (unsigned long long)s.bytes,
			     (unsigned long long)s.kept, (unsigned long long)s.calls,
			     (unsigned long long)s.fetched, (unsigned long long)s.failed);
}

/* For "O&": which native frames. */
static int convert_native(PyObject *object, void *ret)
{
	static const struct {
		const char *name;
		enum pw_native native;
	} known[] = {
		{"none", PW_NATIVE_NONE}, {"folded", PW_NATIVE_FOLDED}, {"all", PW_NATIVE_ALL}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!PyUnicode_Check(object) ||
		    PyUnicode_CompareWithASCIIString(object, known[i].name) != 0)
			continue;
		*(enum pw_native *)ret = known[i].native;
		return 1;
	}
	PyErr_Format(PyExc_ValueError, "native is %R, expected 'none', 'folded' or 'all'", object);
	return 0;
}

static PyObject *session_capture(PyObject *object, PyObject *args)
{
	struct pwm_session *self = (struct pwm_session *)object;
	int native_only, no_stop, locals, names;
	struct pw_value_limits limits;
	Py_ssize_t max_frames;
	unsigned long long only_thread;
	enum pw_native native;
	if (!PyArg_ParseTuple(args, "pnpO&pO&Kp:capture", &native_only, &max_frames, &no_stop,
			      convert_native, &native, &locals, pwm_convert_limits, &limits,
			      &only_thread, &names))
		return NULL;
	if (max_frames < 0)
		return pwm_raise_usage("max_frames must not be negative");
	if (!pwm_session_usable(self))
		return NULL;
	struct pw_capture_options options = {
		.size = sizeof(options),
		.max_frames = (size_t)max_frames,
		.native_only_threads = native_only,
		.no_stop = no_stop,
		.native = native,
		.locals = locals,
		.limits = limits,
		.only_thread = only_thread,
		.no_names = !names,
	};
	struct pw_dump *dump = NULL;
	pwm_enter(self);
	struct pw_error *error = pw_session_capture(self->session, &options, &dump);
	bool captured = !error;
	if (pwm_leave(self, error))
		return pwm_dump_create(self, dump);
	if (captured)
		pw_dump_destroy(dump);
	return NULL;
}

static PyObject *build_flags(const struct pw_session *session)
{
	const char *const *flags = pw_session_python_build(session);
	PyObject *list = PyList_New(0);
	for (; list && flags && *flags; flags++) {
		PyObject *flag = pwm_text(*flags);
		if (!flag || PyList_Append(list, flag) < 0)
			Py_CLEAR(list);
		Py_XDECREF(flag);
	}
	return list;
}

static PyObject *session_folds(PyObject *object, PyObject *args)
{
	struct pwm_session *self = (struct pwm_session *)object;
	unsigned long long pc;
	const char *symbol;
	if (!PyArg_ParseTuple(args, "Kz:folds", &pc, &symbol) || !pwm_session_usable(self))
		return NULL;
	return PyBool_FromLong(pw_session_folds(self->session, pc, symbol));
}

static PyObject *session_info(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = (struct pwm_session *)object;
	if (!pwm_session_usable(self))
		return NULL;
	const struct pw_session *s = self->session;
	return Py_BuildValue(
		"(LNNNNN)", (long long)pw_session_pid(s), pwm_text(pw_session_executable(s)),
		pwm_text(pw_session_python_version(s)), build_flags(s),
		pwm_text(pw_session_layout(s)), PyBool_FromLong(pw_session_needs_registers(s)));
}

static PyObject *session_facts(PyObject *object, PyObject *unused)
{
	struct pwm_session *self = (struct pwm_session *)object;
	if (!pwm_session_usable(self))
		return NULL;
	size_t count = pw_session_fact_count(self->session);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		const struct pw_fact *f = pw_session_fact(self->session, i);
		PyObject *fact = Py_BuildValue("(NNNN)", pwm_text(f->group), pwm_text(f->name),
					       pwm_text(f->value), pwm_text(f->source));
		if (!fact || PyList_SetItem(list, (Py_ssize_t)i, fact) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyMethodDef session_methods[] = {
	{"close", session_close, METH_NOARGS,
	 "close(): close the target and every dump taken from it"},
	{"closed", session_closed, METH_NOARGS, "closed() -> bool"},
	{"set_threads", session_set_threads, METH_O,
	 "set_threads(list of (tid, thread_pointer, stack_pointer, name[, pc, registers[, "
	 "running]]))"},
	{"set_mappings", session_set_mappings, METH_O, "set_mappings(list of mappings) -> bool"},
	{"keep_memory", session_keep_memory, METH_VARARGS, "keep_memory(keep)"},
	{"statistics", session_statistics, METH_NOARGS,
	 "statistics() -> (reads, bytes, kept, calls, fetched, failed)"},
	{"capture", session_capture, METH_VARARGS,
	 "capture(native_only_threads, max_frames, no_stop, native, locals, limits, only_thread, "
	 "names) -> Dump"},
	{"folds", session_folds, METH_VARARGS, "folds(pc, symbol) -> bool"},
	{"value", pwm_session_value, METH_VARARGS, "value(address, limits) -> str"},
	{"variables", pwm_session_variables, METH_VARARGS, "variables(frame, code) -> tuple"},
	{"about", pwm_session_about, METH_VARARGS, "about(address) -> tuple"},
	{"value_type", pwm_session_value_type, METH_VARARGS, "value_type(address) -> str"},
	{"attribute", pwm_session_attribute, METH_VARARGS,
	 "attribute(address, name) -> address or 0"},
	{"index", pwm_session_index, METH_VARARGS, "index(address, number) -> address or 0"},
	{"key", pwm_session_key, METH_VARARGS, "key(address, key) -> address or 0"},
	{"children", pwm_session_children, METH_VARARGS,
	 "children(address, start, count) -> (total, list of (name, address))"},
	{"exception", pwm_session_exception, METH_VARARGS,
	 "exception(address) -> (type, args, cause, context, traceback, suppress_context)"},
	{"head", pwm_session_object, METH_VARARGS,
	 "head(address) -> (type, refcount or None, immortal)"},
	{"string", pwm_session_string, METH_VARARGS,
	 "string(address, limits) -> (text, length) or None"},
	{"frame_text", pwm_session_frame_text, METH_VARARGS, "frame_text(address, limits) -> str"},
	{"stackref", pwm_session_stackref, METH_VARARGS,
	 "stackref(bits) -> (address or 0, int or None)"},
	{"thread_exceptions", pwm_session_thread_exceptions, METH_VARARGS,
	 "thread_exceptions(tstate) -> list of (raised, type, value, traceback)"},
	{"traceback", pwm_session_traceback, METH_VARARGS,
	 "traceback(address, most) -> (total, list of (name, qualname, file, line, frame, code), "
	 "problem)"},
	{"exception_text", pwm_session_exception_text, METH_VARARGS,
	 "exception_text(type, value, limits) -> (type, message, exact)"},
	{"codes", pwm_session_codes, METH_NOARGS,
	 "codes() -> list of (code, name, qualname, file, firstlineno, function)"},
	{"code_places", pwm_session_code_places, METH_VARARGS,
	 "code_places(code) -> list of (address, offset, line, line_starts, body, again)"},
	{"code_unwatchable", pwm_session_code_unwatchable, METH_NOARGS,
	 "code_unwatchable() -> str or None"},
	{"newest_frame", pwm_session_newest_frame, METH_VARARGS,
	 "newest_frame(tstate) -> (frame or 0, code, anchor, traced)"},
	{"eval_entry", pwm_session_eval_entry, METH_NOARGS,
	 "eval_entry() -> (function, argument, code_offset, position_offset) or None"},
	{"frame_instruction", pwm_session_frame_instruction, METH_VARARGS,
	 "frame_instruction(frame) -> (code, offset, line or None, behind)"},
	{"arrive", pwm_session_arrive, METH_VARARGS, "arrive(frame, instruction, offset)"},
	{"info", session_info, METH_NOARGS,
	 "info() -> (pid, executable, version, build, layout, needs_registers)"},
	{"facts", session_facts, METH_NOARGS, "facts() -> list of (group, name, value, source)"},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot session_slots[] = {
	{Py_tp_new, pwm_no_new},
	{Py_tp_dealloc, session_dealloc},
	{Py_tp_traverse, session_traverse},
	{Py_tp_clear, session_clear},
	{Py_tp_methods, session_methods},
	{Py_tp_doc, "A target that is open."},
	{0, NULL},
};

static PyType_Spec session_spec = {
	.name = "pywalk._pywalk.Session",
	.basicsize = sizeof(struct pwm_session),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.slots = session_slots,
};

int pwm_session_init(PyObject *module)
{
	pwm_session_type = PyType_FromSpec(&session_spec);
	if (!pwm_session_type)
		return -1;
	Py_INCREF(pwm_session_type);
	return PyModule_AddObject(module, "Session", pwm_session_type);
}
