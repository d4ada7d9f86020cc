/*
 * What an object is: its type is compared by name along its bases with the types known here.
 *
 * tp_flags: Include/object.h.  Names of types: their tp_name in Objects/ and Modules/, 2.7-3.15.
 */
#include "python/value_private.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const uint64_t flag_heap = UINT64_C(1) << 9, flag_type = UINT64_C(1) << 31;

struct known {
	const char *name;
	enum pw_value_kind kind;
};

/* Types that modules make at run time too (heap types) are known by their dot. */
static const struct known known_types[] = {
	{"object", PW_VALUE_OBJECT},
	{"NoneType", PW_VALUE_NONE},
	{"NotImplementedType", PW_VALUE_NOT_IMPLEMENTED},
	{"ellipsis", PW_VALUE_ELLIPSIS},
	{"bool", PW_VALUE_BOOL},
	{"int", PW_VALUE_INT},
	{"long", PW_VALUE_INT},
	{"float", PW_VALUE_FLOAT},
	{"complex", PW_VALUE_COMPLEX},
	{"str", PW_VALUE_STR},
	{"unicode", PW_VALUE_STR},
	{"bytes", PW_VALUE_BYTES},
	{"bytearray", PW_VALUE_BYTEARRAY},
	{"tuple", PW_VALUE_TUPLE},
	{"list", PW_VALUE_LIST},
	{"dict", PW_VALUE_DICT},
	{"set", PW_VALUE_SET},
	{"frozenset", PW_VALUE_FROZENSET},
	{"collections.deque", PW_VALUE_DEQUE},
	{"collections.defaultdict", PW_VALUE_DEFAULTDICT},
	{"collections.OrderedDict", PW_VALUE_ORDEREDDICT},
	{"dict_keys", PW_VALUE_DICT_KEYS},
	{"dict_values", PW_VALUE_DICT_VALUES},
	{"dict_items", PW_VALUE_DICT_ITEMS},
	{"mappingproxy", PW_VALUE_MAPPINGPROXY},
	{"dictproxy", PW_VALUE_MAPPINGPROXY},
	{"slice", PW_VALUE_SLICE},
	{"range", PW_VALUE_RANGE},
	{"xrange", PW_VALUE_RANGE},
	{"type", PW_VALUE_TYPE},
	{"module", PW_VALUE_MODULE},
	{"function", PW_VALUE_FUNCTION},
	{"method", PW_VALUE_METHOD},
	{"instancemethod", PW_VALUE_METHOD},
	{"builtin_function_or_method", PW_VALUE_CFUNCTION},
	{"method_descriptor", PW_VALUE_DESCRIPTOR},
	{"classmethod_descriptor", PW_VALUE_DESCRIPTOR},
	{"wrapper_descriptor", PW_VALUE_DESCRIPTOR},
	{"member_descriptor", PW_VALUE_DESCRIPTOR},
	{"getset_descriptor", PW_VALUE_DESCRIPTOR},
	{"method-wrapper", PW_VALUE_METHOD_WRAPPER},
	{"staticmethod", PW_VALUE_STATICMETHOD},
	{"classmethod", PW_VALUE_CLASSMETHOD},
	{"cell", PW_VALUE_CELL},
	{"code", PW_VALUE_CODE},
	{"frame", PW_VALUE_FRAME},
	{"generator", PW_VALUE_GENERATOR},
	{"coroutine", PW_VALUE_GENERATOR},
	{"async_generator", PW_VALUE_GENERATOR},
	{"weakref", PW_VALUE_WEAKREF},
	{"weakref.ReferenceType", PW_VALUE_WEAKREF},
	{"functools.partial", PW_VALUE_PARTIAL},
	{"memoryview", PW_VALUE_MEMORYVIEW},
	{"types.SimpleNamespace", PW_VALUE_NAMESPACE},
	{"BaseException", PW_VALUE_EXCEPTION},
	{"exceptions.BaseException", PW_VALUE_EXCEPTION},
	{"datetime.date", PW_VALUE_DATE},
	{"datetime.datetime", PW_VALUE_DATETIME},
	{"datetime.time", PW_VALUE_TIME},
	{"datetime.timedelta", PW_VALUE_TIMEDELTA},
	{"datetime.timezone", PW_VALUE_TIMEZONE},
	{"decimal.Decimal", PW_VALUE_DECIMAL},
	{"classobj", PW_VALUE_OLD_CLASS},
	{"instance", PW_VALUE_OLD_INSTANCE},
};

bool pw_values_is_heap(const struct pw_vtype *t)
{
	return t->flags & flag_heap;
}

static const struct known *find_known(const char *name, bool heap)
{
	if (heap && !strchr(name, '.'))
		return NULL;
	for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++)
		if (strcmp(known_types[i].name, name) == 0)
			return &known_types[i];
	return NULL;
}

/* A type's type derives from `type`, which a flag says. */
static bool is_type(struct pw_values *v, uint64_t type)
{
	uint64_t meta, flags;
	if (type % 8 || !pw_values_field(v, type, v->l->object_type, &meta))
		return false;
	if (v->python->type_type && meta == v->python->type_type)
		return true;
	return pw_values_field(v, meta, v->l->type_flags, &flags) && flags & flag_type;
}

static bool type_head(struct pw_values *v, uint64_t type, uint64_t *flags, char *name)
{
	uint64_t text;
	return pw_values_field(v, type, v->l->type_flags, flags) &&
	       pw_values_field(v, type, v->l->type_name, &text) && pw_values_cstring(v, text, name);
}

/* In 2.7 "int" is a type of its own and "long" the one of 3.x, "str" is bytes. */
static enum pw_value_kind by_version(const struct pw_values *v, const struct known *known)
{
	if (v->l->traits.python2 && strcmp(known->name, "int") == 0)
		return PW_VALUE_INT2;
	if (v->l->traits.python2 && strcmp(known->name, "str") == 0)
		return PW_VALUE_BYTES;
	return known->kind;
}

static void find_kind(struct pw_values *v, struct pw_vtype *t)
{
	uint64_t at = t->address, flags = t->flags, mine, theirs;
	char name[PW_TYPE_NAME_MAX + 1];
	memcpy(name, t->name, sizeof(name));
	for (unsigned i = 0; i < PW_BASES_MAX; i++) {
		const struct known *known = find_known(name, flags & flag_heap);
		if (known) {
			t->kind = by_version(v, known);
			t->base = at;
			break;
		}
		if (!pw_values_field(v, at, v->l->type_base, &at) || !at ||
		    !type_head(v, at, &flags, name))
			return;
	}
	t->own_repr = t->base && t->base != t->address &&
		      pw_values_field(v, t->address, v->l->type_repr, &mine) &&
		      pw_values_field(v, t->base, v->l->type_repr, &theirs) && mine != theirs;
}

bool pw_values_type_at(struct pw_values *v, uint64_t type, struct pw_vtype *ret)
{
	*ret = (struct pw_vtype){.address = type};
	v->bad = 0;
	if (!is_type(v, type) || !type_head(v, type, &ret->flags, ret->name))
		return false;
	find_kind(v, ret);
	/* A BaseException of C's own (OSError, SyntaxError, ...) says what BaseException says. */
	if (ret->kind == PW_VALUE_EXCEPTION && !(ret->flags & flag_heap))
		ret->own_repr = false;
	return true;
}

bool pw_values_type(struct pw_values *v, uint64_t object, struct pw_vtype *ret)
{
	uint64_t type;
	*ret = (struct pw_vtype){0};
	if (!pw_values_field(v, object, v->l->object_type, &type))
		return false;
	return pw_values_type_at(v, type, ret);
}

/* ---- classes ---- */

bool pw_values_class_own(struct pw_values *v, uint64_t type, const char *name, uint64_t *ret)
{
	uint64_t dict;
	*ret = 0;
	if (!pw_values_field(v, type, v->l->type_dict, &dict))
		return false;
	return !dict || pw_values_dict_get(v, dict, name, ret);
}

bool pw_values_class_find(struct pw_values *v, uint64_t type, const char *name, uint64_t *ret,
			  uint64_t *ret_class)
{
	uint64_t mro, count, class;
	*ret = 0;
	if (!pw_values_field(v, type, v->l->type_mro, &mro) || !mro ||
	    !pw_values_field(v, mro, v->l->var_size, &count))
		return false;
	for (uint64_t i = 0; i < count && i < PW_BASES_MAX * 4; i++) {
		uint64_t at = mro + (uint64_t)v->l->tuple_items.offset + i * 8;
		if (!pw_values_u64(v, at, &class))
			return false;
		/* Classes whose dict cannot be had do not hide what others have. */
		if (pw_values_class_own(v, class, name, ret) && *ret) {
			if (ret_class)
				*ret_class = class;
			return true;
		}
	}
	return true;
}

/* Whether a word is one of those in a list with bars. */
static bool listed(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; length && (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == '|') && (at[length] == '|' || at[length] == '\0'))
			return true;
	return false;
}

/* The name of the module in which a function was made. */
static bool function_module(struct pw_values *v, uint64_t function, struct pw_buffer *ret)
{
	uint64_t globals, name;
	return pw_values_field(v, function, v->l->function_globals, &globals) && globals &&
	       pw_values_dict_get(v, globals, "__name__", &name) && name &&
	       pw_values_name(v, name, ret);
}

bool pw_values_repr_from(struct pw_values *v, uint64_t type, struct pw_buffer *ret_module,
			 struct pw_buffer *ret_name, uint64_t *ret_class)
{
	uint64_t function, name;
	struct pw_vtype t;
	if (!pw_values_class_find(v, type, "__repr__", &function, ret_class) || !function ||
	    !pw_values_type(v, function, &t) || t.kind != PW_VALUE_FUNCTION ||
	    !function_module(v, function, ret_module))
		return false;
	/* 2.7 has no qualified names. */
	if (v->l->traits.python2) {
		pw_values_type_short(v, *ret_class, ret_name);
		pw_buffer_append_string(ret_name, ".__repr__");
		return true;
	}
	return pw_values_field(v, function, v->l->function_name, &name) &&
	       pw_values_name(v, name, ret_name);
}

bool pw_values_repr_of(struct pw_values *v, uint64_t type, const char *modules, const char *names)
{
	uint64_t class = 0;
	pw_auto_buffer struct pw_buffer module = {0}, name = {0};
	return pw_values_repr_from(v, type, &module, &name, &class) &&
	       listed(modules, module.data ? module.data : "") &&
	       listed(names, name.data ? name.data : "");
}

bool pw_values_derives(struct pw_values *v, uint64_t type, const char *module, const char *name)
{
	uint64_t where, flags;
	char found[PW_TYPE_NAME_MAX + 1];
	for (unsigned i = 0; type && i < PW_BASES_MAX; i++) {
		pw_auto_buffer struct pw_buffer text = {0};
		if (!type_head(v, type, &flags, found))
			return false;
		if (strcmp(found, name) == 0 &&
		    pw_values_class_own(v, type, "__module__", &where) && where &&
		    pw_values_name(v, where, &text) && strcmp(text.data, module) == 0)
			return true;
		if (!pw_values_field(v, type, v->l->type_base, &type))
			return false;
	}
	return false;
}

/* ---- names ---- */

/* The module's name, without that of the built-in ones; nothing when it is none. */
static void append_module(struct pw_values *v, uint64_t type, struct pw_buffer *ret)
{
	uint64_t module;
	pw_auto_buffer struct pw_buffer text = {0};
	if (!pw_values_class_own(v, type, "__module__", &module) || !module ||
	    !pw_values_name(v, module, &text) || !text.length)
		return;
	if (strcmp(text.data, "builtins") == 0 || strcmp(text.data, "__builtin__") == 0)
		return;
	pw_buffer_append(ret, text.data, text.length);
	pw_buffer_append_char(ret, '.');
}

static struct pw_field name_field(const struct pw_layout *l)
{
	return pw_has(l, heaptype_qualname) ? l->heaptype_qualname : l->heaptype_name;
}

void pw_values_type_label(struct pw_values *v, uint64_t type, struct pw_buffer *ret)
{
	uint64_t flags, name;
	char text[PW_TYPE_NAME_MAX + 1];
	if (!type_head(v, type, &flags, text)) {
		pw_buffer_append_string(ret, "?");
		return;
	}
	if (flags & flag_heap && pw_values_field(v, type, name_field(v->l), &name)) {
		size_t before = ret->length;
		append_module(v, type, ret);
		if (pw_values_name(v, name, ret))
			return;
		if (ret->data) {
			ret->length = before;
			ret->data[before] = '\0';
		}
	}
	/* What 2.7 calls its built-in exceptions stands in __module__ only. */
	pw_auto_buffer struct pw_buffer utf8 = {0};
	pw_text_append_bytes(&utf8, text, strlen(text));
	pw_text_append_printable(ret, utf8.data ? utf8.data : "");
}

void pw_values_type_short(struct pw_values *v, uint64_t type, struct pw_buffer *ret)
{
	uint64_t flags;
	char text[PW_TYPE_NAME_MAX + 1];
	if (!type_head(v, type, &flags, text)) {
		pw_buffer_append_string(ret, "?");
		return;
	}
	const char *dot = strrchr(text, '.');
	pw_auto_buffer struct pw_buffer utf8 = {0};
	pw_text_append_bytes(&utf8, dot ? dot + 1 : text, strlen(dot ? dot + 1 : text));
	pw_text_append_printable(ret, utf8.data ? utf8.data : "");
}
