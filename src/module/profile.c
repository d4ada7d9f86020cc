/* Profile: what somebody saw who looked at targets again and again. */
#include "module/module.h"

#include <stdlib.h>
#include <string.h>

static PyObject *profile_type;

struct pwm_profile {
	PyObject_HEAD struct pw_profile *profile;
};

/* ---- names for numbers ---- */

typedef const char *(*name_fn)(int number);

static const char *clock_name(int number)
{
	return number > PW_CLOCK_GIL ? NULL : pw_profile_clock_name((enum pw_profile_clock)number);
}

static const char *table_name(int number)
{
	return pw_report_table_name((enum pw_report_table)number);
}

static const char *by_name(int number)
{
	return pw_report_by_name((enum pw_report_by)number);
}

/* false: raised. */
static bool number_of(name_fn name, const char *what, const char *text, int *ret)
{
	for (int i = 0; name(i); i++) {
		if (strcmp(name(i), text) != 0)
			continue;
		*ret = i;
		return true;
	}
	PyErr_Format(PyExc_ValueError, "there is no %s \"%s\"", what, text);
	return false;
}

/* ---- what was measured ---- */

/* For "O&": the tuple of profile_info(), back again.  Its text lives as long as the tuple. */
static int convert_info(PyObject *tuple, void *ret)
{
	struct pw_profile_info *info = ret;
	const char *clock;
	int number, native, lines, memory, complete;
	unsigned long long n[12];
	*info = (struct pw_profile_info){0};
	if (!PyTuple_Check(tuple)) {
		PyErr_SetString(PyExc_TypeError, "what was measured must be a tuple");
		return 0;
	}
	if (!PyArg_ParseTuple(tuple, "sspppddKKKKKKKKKKKKp", &info->engine, &clock, &native, &lines,
			      &memory, &info->rate_wished, &info->rate_reached, &n[0], &n[1], &n[2],
			      &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11],
			      &complete) ||
	    !number_of(clock_name, "clock", clock, &number))
		return 0;
	info->clock = (enum pw_profile_clock)number;
	info->native = native;
	info->lines = lines;
	info->memory = memory;
	info->start = n[0];
	info->duration = n[1];
	info->ticks = n[2];
	info->missed = n[3];
	info->lost = n[4];
	info->torn = n[5];
	info->impossible = n[6];
	info->pauses = n[7];
	info->pause_median = n[8];
	info->pause_p99 = n[9];
	info->pause_max = n[10];
	info->own_cpu = n[11];
	info->complete = complete;
	return 1;
}

static PyObject *profile_info(PyObject *object, PyObject *unused)
{
	const struct pw_profile_info *i = pw_profile_info(((struct pwm_profile *)object)->profile);
	return Py_BuildValue("(NsNNNddKKKKKKKKKKKKN)", pwm_text(i->engine ? i->engine : ""),
			     pw_profile_clock_name(i->clock), PyBool_FromLong(i->native),
			     PyBool_FromLong(i->lines), PyBool_FromLong(i->memory), i->rate_wished,
			     i->rate_reached, (unsigned long long)i->start,
			     (unsigned long long)i->duration, (unsigned long long)i->ticks,
			     (unsigned long long)i->missed, (unsigned long long)i->lost,
			     (unsigned long long)i->torn, (unsigned long long)i->impossible,
			     (unsigned long long)i->pauses, (unsigned long long)i->pause_median,
			     (unsigned long long)i->pause_p99, (unsigned long long)i->pause_max,
			     (unsigned long long)i->own_cpu, PyBool_FromLong(i->complete));
}

static PyObject *profile_set_info(PyObject *object, PyObject *tuple)
{
	struct pw_profile_info info;
	if (!convert_info(tuple, &info))
		return NULL;
	struct pw_error *error =
		pw_profile_set_info(((struct pwm_profile *)object)->profile, &info);
	if (error)
		return pwm_raise(error);
	Py_RETURN_NONE;
}

/* ---- making one ---- */

static PyObject *wrap(struct pw_profile *profile)
{
	PyObject *object = PyType_GenericAlloc((PyTypeObject *)profile_type, 0);
	if (object)
		((struct pwm_profile *)object)->profile = profile;
	else
		pw_profile_destroy(profile);
	return object;
}

static PyObject *create(PyObject *module, PyObject *tuple)
{
	struct pw_profile_info info;
	struct pw_profile *profile;
	if (!convert_info(tuple, &info))
		return NULL;
	struct pw_error *error = pw_profile_create(&info, &profile);
	return error ? pwm_raise(error) : wrap(profile);
}

/* The messages of a recording that is not whole, gathered. */
static void gather(void *data, const char *message)
{
	PyObject *text = pwm_text(message);
	if (!text || PyList_Append(data, text) < 0)
		PyErr_Clear();
	Py_XDECREF(text);
}

static PyObject *read_recording(PyObject *module, PyObject *path)
{
	struct pw_profile *profile;
	char *bytes;
	/* Without a length, bytes with a NUL are refused. */
	if (PyBytes_AsStringAndSize(path, &bytes, NULL) < 0)
		return NULL;
	PyObject *warnings = PyList_New(0);
	if (!warnings)
		return NULL;
	struct pw_error *error = pw_recording_read(bytes, gather, warnings, &profile);
	if (!error)
		return Py_BuildValue("(NN)", wrap(profile), warnings);
	Py_DECREF(warnings);
	return pwm_raise(error);
}

static PyObject *formats(PyObject *module, PyObject *unused)
{
	PyObject *list = PyList_New(0);
	for (const struct pw_profile_format *f = pw_profile_formats(); list && f->name; f++) {
		PyObject *one = Py_BuildValue("(sss)", f->name, f->suffix, f->description);
		if (!one || PyList_Append(list, one) < 0)
			Py_CLEAR(list);
		Py_XDECREF(one);
	}
	return list;
}

static PyMethodDef functions[] = {
	{"profile_create", create, METH_O, "profile_create(info) -> Profile"},
	{"profile_read", read_recording, METH_O,
	 "profile_read(path) -> (Profile, list of warnings)"},
	{"profile_formats", formats, METH_NOARGS,
	 "profile_formats() -> list of (name, suffix, description)"},
	{NULL, NULL, 0, NULL},
};

static void profile_dealloc(PyObject *object)
{
	pw_profile_destroy(((struct pwm_profile *)object)->profile);
	pwm_free(object);
}

/* For "O&": a sequence of thread ids.  The array is the caller's. */
struct tids {
	uint64_t *items;
	size_t count;
};

static int convert_tids(PyObject *object, void *ret)
{
	struct tids *tids = ret;
	PyObject *items = PySequence_Tuple(object);
	if (!items)
		return 0;
	Py_ssize_t count = PyTuple_Size(items);
	tids->items = calloc(count > 0 ? (size_t)count : 1, sizeof(*tids->items));
	if (!tids->items)
		PyErr_NoMemory();
	for (Py_ssize_t i = 0; tids->items && i < count && !PyErr_Occurred(); i++)
		tids->items[i] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(items, i));
	Py_DECREF(items);
	tids->count = (size_t)count;
	return !PyErr_Occurred();
}

/* Adds the dump's threads, and counts in the profile's info what could not be added. */
static struct pw_error *add_dump(struct pw_profile *profile, const struct pwm_dump *dump,
				 struct pw_profile_dump_options *options,
				 struct pw_profile_dump_counts *ret)
{
	const struct pw_session *session = dump->session->session;
	struct pw_profile_info info = *pw_profile_info(profile);
	const struct pw_profile_process process = {
		.pid = pw_session_pid(session),
		.parent = pw_session_parent_pid(session),
		.executable = pw_session_executable(session),
		.python = pw_session_python_version(session),
	};
	struct pw_error *error = pw_profile_add_process(profile, &process, &options->process);
	if (!error)
		error = pw_profile_add_dump(profile, dump->dump, options, ret);
	if (error)
		return error;
	info.lost += ret->lost;
	info.torn += ret->torn;
	return pw_profile_set_info(profile, &info);
}

static PyObject *profile_add(PyObject *object, PyObject *args)
{
	struct pwm_dump *dump;
	unsigned long long time, weight;
	const char *clock;
	int number, idle, lines, fold;
	struct tids tids = {0};
	if (!PyArg_ParseTuple(args, "O!KKspppO&:add", (PyTypeObject *)pwm_dump_type, &dump, &time,
			      &weight, &clock, &idle, &lines, &fold, convert_tids, &tids) ||
	    !number_of(clock_name, "clock", clock, &number) || !pwm_dump_usable(dump)) {
		free(tids.items);
		return NULL;
	}
	struct pw_profile_dump_options options = {
		.size = sizeof(options),
		.time = time,
		.weight = weight,
		.clock = (enum pw_profile_clock)number,
		.no_idle = !idle,
		.functions = !lines,
		.tids = tids.items,
		.tid_count = tids.count,
		.fold = fold ? dump->session->session : NULL,
	};
	struct pw_profile_dump_counts counts;
	struct pw_error *error =
		add_dump(((struct pwm_profile *)object)->profile, dump, &options, &counts);
	free(tids.items);
	if (error)
		return pwm_raise(error);
	return Py_BuildValue("(nnn)", (Py_ssize_t)counts.samples, (Py_ssize_t)counts.lost,
			     (Py_ssize_t)counts.torn);
}

/* ---- what is in it ---- */

static PyObject *profile_counts(PyObject *object, PyObject *unused)
{
	const struct pw_profile *p = ((struct pwm_profile *)object)->profile;
	return Py_BuildValue("(nnn)", (Py_ssize_t)pw_profile_process_count(p),
			     (Py_ssize_t)pw_profile_thread_count(p),
			     (Py_ssize_t)pw_profile_sample_count(p));
}

static PyObject *profile_sample(PyObject *object, PyObject *args)
{
	const struct pw_profile *p = ((struct pwm_profile *)object)->profile;
	Py_ssize_t index;
	if (!PyArg_ParseTuple(args, "n:sample", &index))
		return NULL;
	if (index < 0 || (size_t)index >= pw_profile_sample_count(p)) {
		PyErr_SetString(PyExc_IndexError, "there is no such sample");
		return NULL;
	}
	const struct pw_profile_sample *s = pw_profile_sample(p, (size_t)index);
	const struct pw_profile_thread *t = pw_profile_thread(p, s->thread);
	const struct pw_profile_process *process = pw_profile_process(p, t->process);
	return Py_BuildValue("(KKLKNIN)", (unsigned long long)s->time,
			     (unsigned long long)s->weight, (long long)process->pid,
			     (unsigned long long)t->tid, pwm_text(t->name), (unsigned)s->node,
			     PyBool_FromLong(s->flags & PW_SAMPLE_GIL));
}

static PyObject *frame_of(const struct pw_profile *p, const struct pw_profile_frame *frame)
{
	const struct pw_profile_function *f = pw_profile_function(p, frame->function);
	return Py_BuildValue("(sNNNNN)", pw_profile_kind_name(f->kind), pwm_text(f->name),
			     pwm_text(f->file), pwm_int_or_none(frame->line, frame->line > 0),
			     pwm_text(f->module),
			     pwm_int_or_none(f->first_line, f->first_line > 0));
}

static PyObject *profile_stack(PyObject *object, PyObject *args)
{
	const struct pw_profile *p = ((struct pwm_profile *)object)->profile;
	unsigned node;
	if (!PyArg_ParseTuple(args, "I:stack", &node))
		return NULL;
	if (node >= pw_profile_node_count(p)) {
		PyErr_SetString(PyExc_IndexError, "there is no such stack");
		return NULL;
	}
	PyObject *list = PyList_New(0);
	while (list && node) {
		const struct pw_profile_node *n = pw_profile_node(p, node);
		PyObject *frame = frame_of(p, pw_profile_frame(p, n->frame));
		if (!frame || PyList_Append(list, frame) < 0)
			Py_CLEAR(list);
		Py_XDECREF(frame);
		node = n->parent;
	}
	return list;
}

/* ---- what it is written as ---- */

static PyObject *profile_write(PyObject *object, PyObject *args)
{
	const char *format;
	struct pwm_output output = {0};
	if (!PyArg_ParseTuple(args, "s:write", &format))
		return NULL;
	struct pw_error *error = pw_profile_write(((struct pwm_profile *)object)->profile, format,
						  pwm_output_write, &output);
	PyObject *bytes = error ? pwm_raise(error)
				: PyBytes_FromStringAndSize(output.data ? output.data : "",
							    (Py_ssize_t)output.length);
	free(output.data);
	return bytes;
}

/* The rest of the arguments of a report: (table, by, function, limit, threshold).  The text lives
 * as long as the tuple. */
static int convert_options(PyObject *tuple, void *ret)
{
	struct pw_report_options *options = ret;
	const char *table, *by;
	int table_number, by_number;
	Py_ssize_t limit;
	*options = (struct pw_report_options){.size = sizeof(*options)};
	if (!PyTuple_Check(tuple)) {
		PyErr_SetString(PyExc_TypeError, "what to report must be a tuple");
		return 0;
	}
	if (!PyArg_ParseTuple(tuple, "ssznd", &table, &by, &options->function, &limit,
			      &options->threshold) ||
	    !number_of(table_name, "table", table, &table_number) ||
	    !number_of(by_name, "kind of rows", by, &by_number))
		return 0;
	if (limit < 0) {
		PyErr_SetString(PyExc_ValueError, "limit must not be negative");
		return 0;
	}
	options->table = (enum pw_report_table)table_number;
	options->by = (enum pw_report_by)by_number;
	options->limit = (size_t)limit;
	return 1;
}

static PyObject *row_of(const struct pw_report_row *r)
{
	return Py_BuildValue("(kNsNNNNNKKKK)", (unsigned long)r->level, pwm_text(r->name),
			     pw_profile_kind_name(r->kind), pwm_text(r->file), pwm_text(r->module),
			     pwm_int_or_none(r->line, r->line > 0),
			     pwm_int_or_none(r->thread ? (int64_t)r->thread->tid : 0, r->thread),
			     pwm_int_or_none(r->process ? r->process->pid : 0, r->process),
			     (unsigned long long)r->self.samples, (unsigned long long)r->self.time,
			     (unsigned long long)r->total.samples,
			     (unsigned long long)r->total.time);
}

static PyObject *rows_of(const struct pw_report *report)
{
	size_t count = pw_report_row_count(report);
	PyObject *list = PyList_New((Py_ssize_t)count);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *row = row_of(pw_report_row(report, i));
		if (!row || PyList_SetItem(list, (Py_ssize_t)i, row) < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *profile_rows(PyObject *object, PyObject *tuple)
{
	struct pw_report_options options;
	struct pw_report *report;
	if (!convert_options(tuple, &options))
		return NULL;
	struct pw_error *error =
		pw_report_create(((struct pwm_profile *)object)->profile, &options, &report);
	if (error)
		return pwm_raise(error);
	struct pw_report_cost total = pw_report_total(report);
	PyObject *rows = rows_of(report);
	PyObject *found = !rows ? NULL
				: Py_BuildValue("(KKnN)", (unsigned long long)total.samples,
						(unsigned long long)total.time,
						(Py_ssize_t)pw_report_left_out(report), rows);
	pw_report_destroy(report);
	return found;
}

static PyObject *profile_report(PyObject *object, PyObject *args)
{
	struct pw_report_options options;
	struct pw_report *report;
	const char *format;
	unsigned width;
	struct pwm_output output = {0};
	if (!PyArg_ParseTuple(args, "O&sI:report", convert_options, &options, &format, &width))
		return NULL;
	struct pw_error *error =
		pw_report_create(((struct pwm_profile *)object)->profile, &options, &report);
	if (error)
		return pwm_raise(error);
	error = pw_report_write(report, format, width, 0, pwm_output_write, &output);
	pw_report_destroy(report);
	if (!error)
		return pwm_output_text(&output);
	free(output.data);
	return pwm_raise(error);
}

/* ---- the type ---- */

static PyMethodDef profile_methods[] = {
	{"info", profile_info, METH_NOARGS, "info() -> what was measured, a tuple"},
	{"set_info", profile_set_info, METH_O, "set_info(tuple)"},
	{"add", profile_add, METH_VARARGS,
	 "add(dump, time, weight, clock, idle, lines, fold, tids) -> (samples, lost, torn)"},
	{"counts", profile_counts, METH_NOARGS, "counts() -> (processes, threads, samples)"},
	{"sample", profile_sample, METH_VARARGS,
	 "sample(index) -> (time, weight, pid, tid, thread, stack, gil)"},
	{"stack", profile_stack, METH_VARARGS,
	 "stack(number) -> list of (kind, name, file, line, module, first_line)"},
	{"write", profile_write, METH_VARARGS, "write(format) -> bytes"},
	{"rows", profile_rows, METH_O,
	 "rows((table, by, function, limit, threshold)) -> (samples, time, left_out, rows)"},
	{"report", profile_report, METH_VARARGS, "report(what, format, width) -> str"},
	{NULL, NULL, 0, NULL},
};

static PyType_Slot profile_slots[] = {
	{Py_tp_new, pwm_no_new},
	{Py_tp_dealloc, profile_dealloc},
	{Py_tp_methods, profile_methods},
	{Py_tp_doc, "Stacks over time, with what they cost."},
	{0, NULL},
};

static PyType_Spec profile_spec = {
	.name = "pywalk._pywalk.Profile",
	.basicsize = sizeof(struct pwm_profile),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = profile_slots,
};

int pwm_profile_init(PyObject *module)
{
	profile_type = PyType_FromSpec(&profile_spec);
	if (!profile_type)
		return -1;
	Py_INCREF(profile_type);
	if (PyModule_AddFunctions(module, functions) < 0)
		return -1;
	return PyModule_AddObject(module, "Profile", profile_type);
}
