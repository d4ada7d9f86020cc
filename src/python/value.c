/*
 * The way through a value: what kind of object it is, containers within containers, limits.
 */
#include "python/value_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const pw_printer printers[PW_VALUE_KIND_COUNT] = {
	[PW_VALUE_OBJECT] = pw_print_instance,
	[PW_VALUE_BOOL] = pw_print_bool,
	[PW_VALUE_INT] = pw_print_int,
	[PW_VALUE_INT2] = pw_print_int2,
	[PW_VALUE_FLOAT] = pw_print_float,
	[PW_VALUE_COMPLEX] = pw_print_complex,
	[PW_VALUE_STR] = pw_print_str,
	[PW_VALUE_BYTES] = pw_print_bytes,
	[PW_VALUE_BYTEARRAY] = pw_print_bytearray,
	[PW_VALUE_TUPLE] = pw_print_tuple,
	[PW_VALUE_LIST] = pw_print_list,
	[PW_VALUE_DICT] = pw_print_dict,
	[PW_VALUE_SET] = pw_print_set,
	[PW_VALUE_FROZENSET] = pw_print_set,
	[PW_VALUE_DEQUE] = pw_print_deque,
	[PW_VALUE_DEFAULTDICT] = pw_print_defaultdict,
	[PW_VALUE_ORDEREDDICT] = pw_print_ordereddict,
	[PW_VALUE_DICT_KEYS] = pw_print_dict_view,
	[PW_VALUE_DICT_VALUES] = pw_print_dict_view,
	[PW_VALUE_DICT_ITEMS] = pw_print_dict_view,
	[PW_VALUE_MAPPINGPROXY] = pw_print_mappingproxy,
	[PW_VALUE_SLICE] = pw_print_slice,
	[PW_VALUE_RANGE] = pw_print_range,
	[PW_VALUE_TYPE] = pw_print_type,
	[PW_VALUE_MODULE] = pw_print_module,
	[PW_VALUE_FUNCTION] = pw_print_function,
	[PW_VALUE_METHOD] = pw_print_method,
	[PW_VALUE_CFUNCTION] = pw_print_cfunction,
	[PW_VALUE_DESCRIPTOR] = pw_print_descriptor,
	[PW_VALUE_METHOD_WRAPPER] = pw_print_method_wrapper,
	[PW_VALUE_STATICMETHOD] = pw_print_wrapped,
	[PW_VALUE_CLASSMETHOD] = pw_print_wrapped,
	[PW_VALUE_CELL] = pw_print_cell,
	[PW_VALUE_CODE] = pw_print_code,
	[PW_VALUE_FRAME] = pw_print_frame,
	[PW_VALUE_GENERATOR] = pw_print_generator,
	[PW_VALUE_WEAKREF] = pw_print_weakref,
	[PW_VALUE_PARTIAL] = pw_print_partial,
	[PW_VALUE_MEMORYVIEW] = pw_print_memoryview,
	[PW_VALUE_NAMESPACE] = pw_print_namespace,
	[PW_VALUE_EXCEPTION] = pw_print_exception,
	[PW_VALUE_DATE] = pw_print_date,
	[PW_VALUE_DATETIME] = pw_print_datetime,
	[PW_VALUE_TIME] = pw_print_time,
	[PW_VALUE_TIMEDELTA] = pw_print_timedelta,
	[PW_VALUE_TIMEZONE] = pw_print_timezone,
	[PW_VALUE_DECIMAL] = pw_print_decimal,
	[PW_VALUE_OLD_CLASS] = pw_print_old_class,
	[PW_VALUE_OLD_INSTANCE] = pw_print_old_instance,
};

static const char *const words[PW_VALUE_KIND_COUNT] = {
	[PW_VALUE_NONE] = "None",
	[PW_VALUE_NOT_IMPLEMENTED] = "NotImplemented",
	[PW_VALUE_ELLIPSIS] = "Ellipsis",
};

static unsigned limit(unsigned given, unsigned usual, unsigned most)
{
	return !given ? usual : given > most ? most : given;
}

void pw_values_init(struct pw_values *v, struct pw_python *python,
		    const struct pw_value_limits *limits, struct pw_buffer *out)
{
	struct pw_value_limits l = limits ? *limits : (struct pw_value_limits){0};
	*v = (struct pw_values){.python = python, .l = &python->layout, .out = out};
	v->limits = (struct pw_value_limits){
		.depth = limit(l.depth, 4, PW_VALUE_DEPTH_MAX),
		.items = limit(l.items, 20, 1 << 24),
		.characters = limit(l.characters, 200, 1 << 24),
		.bytes = limit(l.bytes, 4096, 1 << 28),
		.reads = limit(l.reads, 20000, 1 << 28),
	};
	v->left = v->limits.reads;
	v->start = out->length;
}

bool pw_values_full(const struct pw_values *v)
{
	return v->out->failed || v->out->length - v->start >= v->limits.bytes || v->left == 0;
}

void pw_values_emit(struct pw_values *v, const char *text)
{
	pw_buffer_append_string(v->out, text);
}

void pw_values_emitf(struct pw_values *v, const char *format, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	pw_values_emit(v, text);
}

void pw_values_unreadable(struct pw_values *v)
{
	if (v->left == 0)
		pw_values_emitf(v, "<not read: more than %u reads>", v->limits.reads);
	else
		pw_values_emitf(v, "<unreadable at 0x%" PRIx64 ">", v->bad);
}

void pw_values_plain(struct pw_values *v, uint64_t object, const struct pw_vtype *t, bool open)
{
	pw_values_emit(v, "<");
	pw_values_type_label(v, t->address, v->out);
	pw_values_emitf(v, " object at 0x%" PRIx64 "%s", object, open ? ": " : ">");
}

bool pw_values_around(const struct pw_values *v, uint64_t object)
{
	for (unsigned i = 0; i < v->depth; i++)
		if (v->path[i] == object)
			return true;
	return false;
}

bool pw_values_enter(struct pw_values *v, uint64_t object, const char *cycle)
{
	if (pw_values_around(v, object)) {
		pw_values_emit(v, cycle);
		return false;
	}
	if (v->depth == PW_VALUE_DEPTH_MAX) {
		pw_values_emit(v, "...");
		return false;
	}
	v->path[v->depth++] = object;
	return true;
}

void pw_values_leave(struct pw_values *v)
{
	v->depth--;
}

bool pw_row_next(struct pw_row *row)
{
	struct pw_values *v = row->v;
	if (row->shown >= v->limits.items || v->depth > v->limits.depth || pw_values_full(v))
		return false;
	if (row->shown++)
		pw_values_emit(v, ", ");
	return true;
}

void pw_row_end(struct pw_row *row, bool readable)
{
	struct pw_values *v = row->v;
	if (!readable) {
		if (row->shown)
			pw_values_emit(v, ", ");
		pw_values_unreadable(v);
	}
	if (row->shown < row->total)
		pw_values_emitf(v, "%s... %" PRIu64 " more", row->shown || !readable ? ", " : "",
				row->total - row->shown);
}

/* A class of Python's with a known base and a __repr__ of its own. */
static bool print_derived(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	if (!t->own_repr || t->kind == PW_VALUE_OBJECT || t->kind == PW_VALUE_TYPE)
		return false;
	if (pw_print_structseq(v, object, t) || pw_print_known_class(v, object, t))
		return true;
	struct pw_vtype as_base = *t;
	as_base.own_repr = false;
	pw_values_plain(v, object, t, true);
	printers[t->kind](v, object, &as_base);
	pw_values_emit(v, ">");
	return true;
}

static void print_object(struct pw_values *v, uint64_t object)
{
	struct pw_vtype t;
	if (!object) {
		pw_values_emit(v, "<NULL>");
		return;
	}
	if (!pw_values_type(v, object, &t)) {
		pw_values_emitf(v, "<object at 0x%" PRIx64 ": ", object);
		if (v->bad)
			pw_values_emitf(v, "unreadable at 0x%" PRIx64 ">", v->bad);
		else if (v->left == 0)
			pw_values_emitf(v, "not read, more than %u reads>", v->limits.reads);
		else
			pw_values_emitf(v, "its type at 0x%" PRIx64 " is no type>", t.address);
	} else if (words[t.kind]) {
		pw_values_emit(v, words[t.kind]);
	} else if (!print_derived(v, object, &t)) {
		printers[t.kind](v, object, &t);
	}
}

void pw_values_print(struct pw_values *v, uint64_t object)
{
	/* What is no container can hold others too: a slice, a method, a descriptor. */
	if (pw_values_full(v) || v->nested == PW_NESTED_MAX) {
		pw_values_emit(v, "...");
		return;
	}
	v->nested++;
	print_object(v, object);
	v->nested--;
}

unsigned pw_value_text(struct pw_python *python, uint64_t object,
		       const struct pw_value_limits *limits, struct pw_buffer *ret)
{
	struct pw_values v;
	pw_values_init(&v, python, limits, ret);
	pw_values_print(&v, object);
	return v.limits.reads - v.left;
}

void pw_value_type_name(struct pw_python *python, uint64_t object, struct pw_buffer *ret)
{
	struct pw_values v;
	struct pw_vtype t;
	pw_values_init(&v, python, NULL, ret);
	if (pw_values_type(&v, object, &t))
		pw_values_type_label(&v, t.address, ret);
	else
		pw_values_emitf(&v, "<type of 0x%" PRIx64 " is unreadable>", object);
}
