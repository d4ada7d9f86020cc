/*
 * Types, modules, functions and what belongs to them, as repr() writes them.
 *
 * Objects/typeobject.c, moduleobject.c and Lib/importlib/_bootstrap.py (_module_repr),
 * funcobject.c, classobject.c, methodobject.c, descrobject.c, cellobject.c, codeobject.c,
 * genobject.c, weakrefobject.c, exceptions.c; Modules/_functoolsmodule.c.
 */
#include "python/value_private.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* tp_name of an object's type. */
static void emit_type_name(struct pw_values *v, uint64_t object)
{
	struct pw_vtype t;
	pw_auto_buffer struct pw_buffer utf8 = {0};
	if (!pw_values_type(v, object, &t)) {
		pw_values_emit(v, "?");
		return;
	}
	pw_text_append_bytes(&utf8, t.name, strlen(t.name));
	pw_text_append_printable(v->out, utf8.data ? utf8.data : "");
}

/* The text of a str member, "?" when it cannot be had. */
static void emit_name(struct pw_values *v, uint64_t object, struct pw_field field)
{
	uint64_t name;
	if (!pw_values_field(v, object, field, &name) || !pw_values_name(v, name, v->out))
		pw_values_emit(v, "?");
}

/* A C string behind a pointer. */
static void emit_cstring(struct pw_values *v, uint64_t address)
{
	char text[PW_TYPE_NAME_MAX + 1];
	pw_auto_buffer struct pw_buffer utf8 = {0};
	if (!pw_values_cstring(v, address, text)) {
		pw_values_emit(v, "?");
		return;
	}
	pw_text_append_bytes(&utf8, text, strlen(text));
	pw_text_append_printable(v->out, utf8.data ? utf8.data : "");
}

/* ---- classes ---- */

void pw_print_type(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	struct pw_vtype self;
	if (!pw_values_type_at(v, object, &self)) {
		pw_values_emitf(v, "<class at 0x%" PRIx64 ": unreadable>", object);
		return;
	}
	bool is_enum = t->own_repr && pw_values_repr_of(v, t->address, "enum",
							"EnumMeta.__repr__|EnumType.__repr__");
	if (is_enum) {
		bool flag =
			v->l->traits.flag_classes && pw_values_derives(v, object, "enum", "Flag");
		pw_values_emit(v, flag ? "<flag '" : "<enum '");
		pw_values_type_short(v, object, v->out);
	} else {
		bool plain = v->l->traits.python2 && !pw_values_is_heap(&self);
		pw_values_emit(v, plain ? "<type '" : "<class '");
		pw_values_type_label(v, object, v->out);
	}
	pw_values_emit(v, "'>");
}

void pw_values_old_class_name(struct pw_values *v, uint64_t class, bool with_module,
			      struct pw_buffer *ret)
{
	uint64_t dict, module, name;
	if (with_module && pw_values_field(v, class, v->l->oldclass_dict, &dict) &&
	    pw_values_dict_get(v, dict, "__module__", &module) && module &&
	    pw_values_name(v, module, ret))
		pw_buffer_append_char(ret, '.');
	if (!pw_values_field(v, class, v->l->oldclass_name, &name) || !pw_values_name(v, name, ret))
		pw_buffer_append_char(ret, '?');
}

void pw_print_old_class(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_values_emit(v, "<class ");
	pw_values_old_class_name(v, object, true, v->out);
	pw_values_emitf(v, " at 0x%" PRIx64 ">", object);
}

/* ---- modules ---- */

static bool is_none(struct pw_values *v, uint64_t object)
{
	struct pw_vtype t;
	return !object || (pw_values_type(v, object, &t) && t.kind == PW_VALUE_NONE);
}

/* An attribute of an instance of Python's, 0 when it is None or missing. */
static uint64_t attribute(struct pw_values *v, uint64_t object, const char *name)
{
	struct pw_vtype t;
	uint64_t value = 0;
	if (!pw_values_type(v, object, &t) || !pw_values_attribute(v, object, &t, name, &value) ||
	    is_none(v, value))
		return 0;
	return value;
}

static bool is_true(struct pw_values *v, uint64_t object)
{
	int64_t value;
	return object && pw_values_int(v, object, &value) && value;
}

/* The importers of built-in and frozen modules are classes. */
static void print_loader(struct pw_values *v, uint64_t loader)
{
	struct pw_vtype t;
	pw_auto_buffer struct pw_buffer name = {0};
	if (pw_values_type(v, loader, &t) && t.kind == PW_VALUE_TYPE)
		pw_values_type_short(v, loader, &name);
	if (name.data && strcmp(name.data, "BuiltinImporter") == 0)
		pw_values_emit(v, "built-in");
	else if (name.data && strcmp(name.data, "FrozenImporter") == 0)
		pw_values_emit(v, "frozen");
	else
		pw_values_print(v, loader);
}

/* Behind the name: where the module is from. */
static void print_origin(struct pw_values *v, uint64_t origin, bool located, uint64_t loader)
{
	if (origin && located) {
		pw_values_emit(v, " from ");
		pw_values_print(v, origin);
	} else if (origin) {
		pw_values_emit(v, " (");
		if (!pw_values_name(v, origin, v->out))
			pw_values_print(v, origin);
		pw_values_emit(v, ")");
	} else if (loader) {
		pw_values_emit(v, " (");
		print_loader(v, loader);
		pw_values_emit(v, ")");
	}
}

void pw_print_module(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t dict, spec = 0, name = 0, file = 0, loader = 0;
	if (!pw_values_field(v, object, v->l->module_dict, &dict) || !dict) {
		pw_values_plain(v, object, t, false);
		return;
	}
	pw_values_dict_get(v, dict, "__name__", &name);
	pw_values_dict_get(v, dict, "__file__", &file);
	pw_values_dict_get(v, dict, "__loader__", &loader);
	pw_values_dict_get(v, dict, "__spec__", &spec);
	if (!pw_values_enter(v, object, "<module ...>"))
		return;
	pw_values_emit(v, "<module ");
	if (spec && !is_none(v, spec)) {
		name = attribute(v, spec, "name");
		file = attribute(v, spec, "origin");
		loader = attribute(v, spec, "loader");
	}
	if (name)
		pw_values_print(v, name);
	else
		pw_values_emit(v, "'?'");
	bool located = !spec || is_none(v, spec) || is_true(v, attribute(v, spec, "_set_fileattr"));
	if (v->l->traits.python2 && !file)
		pw_values_emit(v, " (built-in)");
	else
		print_origin(v, is_none(v, file) ? 0 : file, located,
			     is_none(v, loader) ? 0 : loader);
	pw_values_emit(v, ">");
	pw_values_leave(v);
}

/* ---- functions ---- */

void pw_print_function(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_values_emit(v, "<function ");
	emit_name(v, object, v->l->function_name);
	pw_values_emitf(v, " at 0x%" PRIx64 ">", object);
}

static void emit_callable_name(struct pw_values *v, uint64_t function)
{
	struct pw_vtype t;
	uint64_t def, name;
	bool known = pw_values_type(v, function, &t);
	if (known && t.kind == PW_VALUE_FUNCTION)
		emit_name(v, function, v->l->function_name);
	else if (known && t.kind == PW_VALUE_CFUNCTION &&
		 pw_values_field(v, function, v->l->cfunction_def, &def) &&
		 pw_values_field(v, def, v->l->methoddef_name, &name))
		emit_cstring(v, name);
	else
		pw_values_emit(v, "?");
}

/* 2.7: "Class.name", and methods without an object. */
static void emit_method_class(struct pw_values *v, uint64_t object)
{
	struct pw_vtype t;
	uint64_t class;
	if (!pw_has(v->l, method_class) ||
	    !pw_values_field(v, object, v->l->method_class, &class) || !class ||
	    !pw_values_type(v, class, &t))
		return;
	if (t.kind == PW_VALUE_OLD_CLASS)
		pw_values_old_class_name(v, class, false, v->out);
	else
		pw_values_type_short(v, class, v->out);
	pw_values_emit(v, ".");
}

void pw_print_method(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t function, self;
	if (!pw_values_field(v, object, v->l->method_function, &function) ||
	    !pw_values_field(v, object, v->l->method_self, &self)) {
		pw_values_unreadable(v);
		return;
	}
	if (!pw_values_enter(v, object, "<bound method ...>"))
		return;
	pw_values_emit(v, self ? "<bound method " : "<unbound method ");
	emit_method_class(v, object);
	emit_callable_name(v, function);
	if (self) {
		pw_values_emit(v, " of ");
		pw_values_print(v, self);
	}
	pw_values_emit(v, ">");
	pw_values_leave(v);
}

void pw_print_cfunction(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t self;
	struct pw_vtype of;
	if (!pw_values_field(v, object, v->l->cfunction_self, &self)) {
		pw_values_unreadable(v);
		return;
	}
	bool free_function = !self || (pw_values_type(v, self, &of) && of.kind == PW_VALUE_MODULE);
	pw_values_emit(v, free_function ? "<built-in function " : "<built-in method ");
	emit_callable_name(v, object);
	if (!free_function) {
		pw_values_emit(v, " of ");
		emit_type_name(v, self);
		pw_values_emitf(v, " object at 0x%" PRIx64, self);
	}
	pw_values_emit(v, ">");
}

/* "'name' of 'type' objects" */
static void emit_descriptor(struct pw_values *v, uint64_t object)
{
	uint64_t type, text;
	pw_values_emit(v, "'");
	emit_name(v, object, v->l->descriptor_name);
	pw_values_emit(v, "' of '");
	if (pw_values_field(v, object, v->l->descriptor_type, &type) &&
	    pw_values_field(v, type, v->l->type_name, &text))
		emit_cstring(v, text);
	else
		pw_values_emit(v, "?");
	pw_values_emit(v, "' objects");
}

void pw_print_descriptor(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	const char *what = strstr(t->name, "wrapper")  ? "slot wrapper"
			   : strstr(t->name, "member") ? "member"
			   : strstr(t->name, "getset") ? "attribute"
						       : "method";
	pw_values_emitf(v, "<%s ", what);
	emit_descriptor(v, object);
	pw_values_emit(v, ">");
}

void pw_print_method_wrapper(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t descriptor, self;
	if (!pw_values_field(v, object, v->l->wrapper_descriptor, &descriptor) ||
	    !pw_values_field(v, object, v->l->wrapper_self, &self)) {
		pw_values_unreadable(v);
		return;
	}
	pw_values_emit(v, "<method-wrapper '");
	emit_name(v, descriptor, v->l->descriptor_name);
	pw_values_emit(v, "' of ");
	emit_type_name(v, self);
	pw_values_emitf(v, " object at 0x%" PRIx64 ">", self);
}

void pw_print_wrapped(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t callable;
	bool is_static = t->kind == PW_VALUE_STATICMETHOD;
	struct pw_field field =
		is_static ? v->l->staticmethod_callable : v->l->classmethod_callable;
	if (!v->l->traits.wrapped_shown || !pw_values_field(v, object, field, &callable)) {
		pw_values_plain(v, object, t, false);
		return;
	}
	pw_values_emit(v, is_static ? "<staticmethod(" : "<classmethod(");
	if (pw_values_enter(v, object, "...")) {
		pw_values_print(v, callable);
		pw_values_leave(v);
	}
	pw_values_emit(v, ")>");
}

void pw_print_cell(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t value;
	pw_values_emitf(v, "<cell at 0x%" PRIx64 ": ", object);
	if (!pw_values_field(v, object, v->l->cell_value, &value)) {
		pw_values_unreadable(v);
	} else if (value) {
		emit_type_name(v, value);
		pw_values_emitf(v, " object at 0x%" PRIx64, value);
	} else {
		pw_values_emit(v, "empty");
	}
	pw_values_emit(v, ">");
}

void pw_print_code(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint32_t line = 0;
	pw_values_u32(v, object + (uint64_t)v->l->code_firstlineno.offset, &line);
	pw_values_emit(v, "<code object ");
	emit_name(v, object, v->l->code_name);
	pw_values_emitf(v, " at 0x%" PRIx64 ", file \"", object);
	emit_name(v, object, v->l->code_filename);
	pw_values_emitf(v, "\", line %d>", (int)line);
}

void pw_print_generator(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t code;
	pw_values_emitf(v, "<%s object ", t->name);
	if (pw_has(v->l, gen_name))
		emit_name(v, object, v->l->gen_name);
	else if (pw_values_field(v, object, v->l->gen_code, &code))
		emit_name(v, code, v->l->code_name);
	pw_values_emitf(v, " at 0x%" PRIx64 ">", object);
}

/* ---- references ---- */

/* The __name__ of what has one. */
static void emit_own_name(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t name = 0, dict;
	pw_auto_buffer struct pw_buffer text = {0};
	if (t->kind == PW_VALUE_TYPE) {
		pw_values_type_short(v, object, &text);
	} else if (t->kind == PW_VALUE_FUNCTION) {
		if (pw_values_field(v, object, v->l->function_code, &dict) &&
		    pw_values_field(v, dict, v->l->code_name, &name))
			pw_values_name(v, name, &text);
	} else if (t->kind == PW_VALUE_MODULE) {
		if (pw_values_field(v, object, v->l->module_dict, &dict) &&
		    pw_values_dict_get(v, dict, "__name__", &name) && name)
			pw_values_name(v, name, &text);
	}
	if (text.length)
		pw_values_emitf(v, " (%s)", text.data);
}

void pw_print_weakref(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t to;
	struct pw_vtype of;
	pw_values_emitf(v, "<weakref at 0x%" PRIx64 "; ", object);
	if (!pw_values_field(v, object, v->l->weakref_object, &to) ||
	    (to && !pw_values_type(v, to, &of))) {
		pw_values_unreadable(v);
	} else if (!to || of.kind == PW_VALUE_NONE) {
		pw_values_emit(v, "dead");
	} else {
		pw_values_emit(v, "to '");
		emit_type_name(v, to);
		pw_values_emitf(v, "' at 0x%" PRIx64, to);
		emit_own_name(v, to, &of);
	}
	pw_values_emit(v, ">");
}

static bool visit_argument(void *data, uint64_t key, uint64_t value)
{
	struct pw_row *row = data;
	if (!pw_row_next(row))
		return false;
	if (key) {
		if (!pw_values_name(row->v, key, row->v->out))
			pw_values_print(row->v, key);
		pw_values_emit(row->v, "=");
	}
	pw_values_print(row->v, value);
	return true;
}

void pw_print_partial(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t function, args, keywords;
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE},
				     dict = {.kind = PW_VALUE_DICT};
	if (v->l->traits.python2) {
		pw_values_plain(v, object, t, false);
		return;
	}
	if (!pw_values_field(v, object, v->l->partial_function, &function) ||
	    !pw_values_field(v, object, v->l->partial_args, &args) ||
	    !pw_values_field(v, object, v->l->partial_keywords, &keywords)) {
		pw_values_unreadable(v);
		return;
	}
	if (!pw_values_enter(v, object, "..."))
		return;
	struct pw_row row = {.v = v, .total = 1};
	uint64_t count = 0;
	pw_values_type_label(v, t->address, v->out);
	pw_values_emit(v, "(");
	visit_argument(&row, 0, function);
	if (pw_values_count(v, args, &tuple, &count))
		row.total += count;
	if (pw_values_count(v, keywords, &dict, &count))
		row.total += count;
	bool readable = pw_values_walk(v, args, &tuple, visit_argument, &row) &&
			pw_values_walk_dict(v, keywords, visit_argument, &row);
	pw_row_end(&row, readable);
	pw_values_emit(v, ")");
	pw_values_leave(v);
}

void pw_print_memoryview(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	pw_values_emitf(v, "<memory at 0x%" PRIx64 ">", object);
}

/* ---- exceptions ---- */

void pw_print_exception(struct pw_values *v, uint64_t object, const struct pw_vtype *t)
{
	uint64_t args, count = 0, item;
	static const struct pw_vtype tuple = {.kind = PW_VALUE_TUPLE};
	if (!pw_values_field(v, object, v->l->exception_args, &args)) {
		pw_values_unreadable(v);
		return;
	}
	if (!pw_values_enter(v, object, "..."))
		return;
	pw_values_type_short(v, t->address, v->out);
	if (!args)
		pw_values_emit(v, "()");
	else if (!v->l->traits.exception_comma && pw_values_count(v, args, &tuple, &count) &&
		 count == 1 && pw_values_u64(v, args + (uint64_t)v->l->tuple_items.offset, &item)) {
		pw_values_emit(v, "(");
		pw_values_print(v, item);
		pw_values_emit(v, ")");
	} else {
		pw_values_print(v, args);
	}
	pw_values_leave(v);
}
