/*
 * What an exception says: Objects/exceptions.c, BaseException_str and those that replace it
 * (KeyError, OSError, Unicode*Error, SyntaxError, BaseExceptionGroup), 2.7-3.15.
 */
#include "python/exception.h"
#include "python/value_private.h"

#include <inttypes.h>
#include <string.h>

enum { NESTED_MAX = 8 }; /* exceptions that are each other's argument */

struct saying {
	struct pw_values v;
	bool exact;
	unsigned depth;
};

/* What there is to say it from. */
struct exception {
	uint64_t type, value;
	struct pw_vtype of; /* of `value`, when it is an exception */
	bool made;	    /* `value` is an exception, and not what one would be made of */
	uint64_t count;	    /* of arguments */
	uint64_t items;	    /* where they stand; 0: the only one is `value` */
};

static const struct pw_vtype tuple_type = {.kind = PW_VALUE_TUPLE};

static bool argument(struct saying *s, const struct exception *e, uint64_t index, uint64_t *ret)
{
	if (index >= e->count)
		return false;
	*ret = e->value;
	return !e->items || pw_values_u64(&s->v, e->items + index * 8, ret);
}

static void say(struct saying *s, uint64_t type, uint64_t value);

/* Whether a class of Python's has a method of this name. */
static bool has_own(struct pw_values *v, const struct pw_vtype *t, const char *name)
{
	uint64_t found = 0;
	struct pw_vtype of;
	return pw_values_is_heap(t) && pw_values_class_find(v, t->address, name, &found, NULL) &&
	       found && (!pw_values_type(v, found, &of) || of.kind == PW_VALUE_FUNCTION);
}

static void say_string(struct saying *s, uint64_t object, const struct pw_vtype *t)
{
	uint64_t length = 0;
	if (!pw_print_str_plain(&s->v, object, t, &length)) {
		pw_values_print(&s->v, object);
		s->exact = false;
	} else if (length > s->v.limits.characters) {
		pw_values_emitf(&s->v, "... (%" PRIu64 " characters)", length);
	}
}

/* Whether str() of such an object is its repr(). */
static bool is_own_repr(const struct saying *s, const struct pw_vtype *t)
{
	return t->kind < PW_VALUE_DATE && !(t->kind == PW_VALUE_FLOAT && s->v.l->traits.python2) &&
	       t->kind != PW_VALUE_OLD_INSTANCE;
}

/* str(object) */
static void say_object(struct saying *s, uint64_t object)
{
	struct pw_values *v = &s->v;
	struct pw_vtype t;
	if (!object || !pw_values_type(v, object, &t) || has_own(v, &t, "__str__")) {
		s->exact = false;
		pw_values_print(v, object);
	} else if (t.kind == PW_VALUE_STR || (t.kind == PW_VALUE_BYTES && v->l->traits.python2)) {
		say_string(s, object, &t);
	} else if (t.kind == PW_VALUE_EXCEPTION && s->depth < NESTED_MAX) {
		s->depth++;
		say(s, t.address, object);
		s->depth--;
	} else if (t.kind == PW_VALUE_OBJECT && pw_values_is_heap(&t) &&
		   !has_own(v, &t, "__repr__")) {
		pw_values_plain(v, object, &t, false);
	} else {
		s->exact = s->exact && is_own_repr(s, &t) && !has_own(v, &t, "__repr__");
		pw_values_print(v, object);
		/* 2.7 marks a long in its repr() only. */
		if (v->l->traits.python2 && t.kind == PW_VALUE_INT && v->out->length &&
		    v->out->data[v->out->length - 1] == 'L')
			v->out->data[--v->out->length] = '\0';
	}
}

static void say_arguments(struct saying *s, const struct exception *e)
{
	uint64_t item, args;
	if (e->count == 1) {
		if (argument(s, e, 0, &item))
			say_object(s, item);
		else
			pw_values_unreadable(&s->v);
	} else if (e->count && e->made &&
		   pw_values_field(&s->v, e->value, s->v.l->exception_args, &args)) {
		pw_values_print(&s->v, args);
	} else if (e->count) {
		pw_values_print(&s->v, e->value);
	}
}

/* ---- those that say more ---- */

/* A member, 0 when it is NULL or None. */
static uint64_t member(struct saying *s, const struct exception *e, const char *name)
{
	uint64_t found = 0;
	struct pw_vtype t;
	if (!e->made || !pw_values_attribute(&s->v, e->value, &e->of, name, &found) || !found ||
	    !pw_values_type(&s->v, found, &t) || t.kind == PW_VALUE_NONE)
		return 0;
	return found;
}

static bool say_key_error(struct saying *s, const struct exception *e)
{
	uint64_t key;
	if (e->count != 1 || !argument(s, e, 0, &key))
		return false;
	pw_values_print(&s->v, key);
	return true;
}

static bool say_os_error(struct saying *s, const struct exception *e)
{
	uint64_t number = member(s, e, "errno"), text = member(s, e, "strerror");
	uint64_t file = member(s, e, "filename"), second = member(s, e, "filename2");
	if (!file && !(number && text))
		return false;
	pw_values_emit(&s->v, "[Errno ");
	if (number)
		say_object(s, number);
	else
		pw_values_emit(&s->v, "None");
	pw_values_emit(&s->v, "] ");
	if (text)
		say_object(s, text);
	else
		pw_values_emit(&s->v, "None");
	if (file) {
		pw_values_emit(&s->v, ": ");
		pw_values_print(&s->v, file);
	}
	if (file && second) {
		pw_values_emit(&s->v, " -> ");
		pw_values_print(&s->v, second);
	}
	return true;
}

/* What a traceback says behind the place. */
static bool say_syntax_error(struct saying *s, const struct exception *e)
{
	uint64_t text = member(s, e, "msg");
	if (!text)
		return false;
	say_object(s, text);
	return true;
}

static bool say_group(struct saying *s, const struct exception *e)
{
	uint64_t text = member(s, e, "message"), parts = member(s, e, "exceptions"), count;
	if (!text || !parts || !pw_values_count(&s->v, parts, &tuple_type, &count))
		return false;
	say_object(s, text);
	pw_values_emitf(&s->v, " (%" PRIu64 " sub-exception%s)", count, count == 1 ? "" : "s");
	return true;
}

static void say_character(struct saying *s, uint32_t c)
{
	const char *quote = s->v.l->traits.python2 ? "u'" : "'";
	if (c < 0x100)
		pw_values_emitf(&s->v, "character %s\\x%02x'", quote, c);
	else if (c < 0x10000)
		pw_values_emitf(&s->v, "character %s\\u%04x'", quote, c);
	else
		pw_values_emitf(&s->v, "character %s\\U%08x'", quote, c);
}

/* Arguments: the codec, the text, where it began and ended to be wrong, and why; the last three
 * only, when text is translated. */
static bool say_unicode_error(struct saying *s, const struct exception *e, bool decode, bool codec)
{
	struct pw_values *v = &s->v;
	uint64_t args[5] = {0};
	int64_t start, end;
	uint32_t c;
	uint8_t byte;
	unsigned first = codec ? 1 : 0;
	if (e->count != first + 4)
		return false;
	for (unsigned i = 0; i < e->count; i++)
		if (!argument(s, e, i, &args[i]))
			return false;
	if (!pw_values_int(v, args[first + 1], &start) || !pw_values_int(v, args[first + 2], &end))
		return false;
	if (codec) {
		pw_values_emit(v, "'");
		say_object(s, args[0]);
		pw_values_emit(v, "' codec ");
	}
	pw_values_emitf(v, "can't %s ", decode ? "decode" : codec ? "encode" : "translate");
	uint64_t at = args[first] + (uint64_t)v->l->bytes_data.offset + (uint64_t)start;
	if (end == start + 1 && decode && pw_values_u8(v, at, &byte))
		pw_values_emitf(v, "byte 0x%02x in position %" PRId64, byte, start);
	else if (end == start + 1 && !decode &&
		 pw_values_character(v, args[first], (uint64_t)start, &c)) {
		say_character(s, c);
		pw_values_emitf(v, " in position %" PRId64, start);
	} else {
		pw_values_emitf(v, "%s in position %" PRId64 "-%" PRId64,
				decode ? "bytes" : "characters", start, end - 1);
	}
	pw_values_emit(v, ": ");
	say_object(s, args[first + 3]);
	return true;
}

/* The class of C's that says it: the name of the first of the bases that has one of these. */
static bool say_known(struct saying *s, const struct exception *e)
{
	struct pw_vtype t;
	uint64_t type = e->type;
	for (unsigned i = 0; type && i < PW_BASES_MAX && pw_values_type_at(&s->v, type, &t); i++) {
		const char *dot = strrchr(t.name, '.'), *name = dot ? dot + 1 : t.name;
		if (pw_values_is_heap(&t))
			;
		else if (strcmp(name, "KeyError") == 0)
			return say_key_error(s, e);
		else if (strcmp(name, "OSError") == 0 || strcmp(name, "EnvironmentError") == 0)
			return say_os_error(s, e);
		else if (strcmp(name, "SyntaxError") == 0)
			return say_syntax_error(s, e);
		else if (strcmp(name, "BaseExceptionGroup") == 0)
			return say_group(s, e);
		else if (strcmp(name, "UnicodeDecodeError") == 0)
			return say_unicode_error(s, e, true, true);
		else if (strcmp(name, "UnicodeEncodeError") == 0)
			return say_unicode_error(s, e, false, true);
		else if (strcmp(name, "UnicodeTranslateError") == 0)
			return say_unicode_error(s, e, false, false);
		if (!pw_values_field(&s->v, type, s->v.l->type_base, &type))
			return false;
	}
	return false;
}

/* ---- the whole ---- */

static void find_arguments(struct saying *s, struct exception *e)
{
	struct pw_vtype t;
	uint64_t args = e->value;
	if (!e->value || !pw_values_type(&s->v, e->value, &t))
		return;
	e->made = t.kind == PW_VALUE_EXCEPTION;
	e->of = t;
	if (e->made) {
		if (!pw_values_field(&s->v, e->value, s->v.l->exception_args, &args) || !args)
			return;
	} else if (t.kind != PW_VALUE_TUPLE) {
		e->count = 1;
		return;
	}
	if (!pw_values_count(&s->v, args, &tuple_type, &e->count))
		e->count = 0;
	e->items = args + (uint64_t)s->v.l->tuple_items.offset;
}

static void say(struct saying *s, uint64_t type, uint64_t value)
{
	struct exception e = {.type = type, .value = value};
	struct pw_vtype t;
	if (!pw_values_type_at(&s->v, type, &t)) {
		/* 2.7: an instance of an old class. */
		s->exact = !value;
		if (value)
			pw_values_print(&s->v, value);
		return;
	}
	find_arguments(s, &e);
	if (has_own(&s->v, &t, "__str__")) {
		s->exact = false;
		say_arguments(s, &e);
	} else if (!say_known(s, &e)) {
		say_arguments(s, &e);
	}
}

static void say_type(struct pw_values *v, uint64_t type, struct pw_buffer *ret)
{
	static const char module2[] = "exceptions.";
	struct pw_vtype t;
	pw_auto_buffer struct pw_buffer text = {0};
	if (!pw_values_type_at(v, type, &t)) {
		if (pw_values_type(v, type, &t) && t.kind == PW_VALUE_OLD_CLASS)
			pw_values_old_class_name(v, type, true, ret);
		else
			pw_buffer_append_string(ret, "?");
		return;
	}
	pw_values_type_label(v, type, &text);
	const char *label = text.data ? text.data : "?";
	bool built_in = !pw_values_is_heap(&t) && strncmp(label, module2, strlen(module2)) == 0;
	pw_buffer_append_string(ret, built_in ? label + strlen(module2) : label);
}

void pw_exception_text(struct pw_python *python, uint64_t type, uint64_t value,
		       const struct pw_value_limits *limits, struct pw_buffer *ret_type,
		       struct pw_buffer *ret_message, bool *ret_exact)
{
	struct saying s = {.exact = true};
	pw_values_init(&s.v, python, limits, ret_message);
	say_type(&s.v, type, ret_type);
	say(&s, type, value);
	*ret_exact = s.exact;
}
