/*
 * What an object is, in one word: the known type that it is or derives from.
 */
#include "python/value_private.h"

#include <inttypes.h>

static const char *const names[PW_VALUE_KIND_COUNT] = {
	[PW_VALUE_OBJECT] = "object",
	[PW_VALUE_NONE] = "None",
	[PW_VALUE_NOT_IMPLEMENTED] = "NotImplemented",
	[PW_VALUE_ELLIPSIS] = "Ellipsis",
	[PW_VALUE_BOOL] = "bool",
	[PW_VALUE_INT] = "int",
	[PW_VALUE_INT2] = "int",
	[PW_VALUE_FLOAT] = "float",
	[PW_VALUE_COMPLEX] = "complex",
	[PW_VALUE_STR] = "str",
	[PW_VALUE_BYTES] = "bytes",
	[PW_VALUE_BYTEARRAY] = "bytearray",
	[PW_VALUE_TUPLE] = "tuple",
	[PW_VALUE_LIST] = "list",
	[PW_VALUE_DICT] = "dict",
	[PW_VALUE_SET] = "set",
	[PW_VALUE_FROZENSET] = "frozenset",
	[PW_VALUE_DEQUE] = "deque",
	[PW_VALUE_DEFAULTDICT] = "dict",
	[PW_VALUE_ORDEREDDICT] = "dict",
	[PW_VALUE_DICT_KEYS] = "dict_keys",
	[PW_VALUE_DICT_VALUES] = "dict_values",
	[PW_VALUE_DICT_ITEMS] = "dict_items",
	[PW_VALUE_MAPPINGPROXY] = "mappingproxy",
	[PW_VALUE_SLICE] = "slice",
	[PW_VALUE_RANGE] = "range",
	[PW_VALUE_TYPE] = "type",
	[PW_VALUE_MODULE] = "module",
	[PW_VALUE_FUNCTION] = "function",
	[PW_VALUE_METHOD] = "method",
	[PW_VALUE_CFUNCTION] = "builtin",
	[PW_VALUE_DESCRIPTOR] = "descriptor",
	[PW_VALUE_METHOD_WRAPPER] = "method-wrapper",
	[PW_VALUE_STATICMETHOD] = "staticmethod",
	[PW_VALUE_CLASSMETHOD] = "classmethod",
	[PW_VALUE_CELL] = "cell",
	[PW_VALUE_CODE] = "code",
	[PW_VALUE_GENERATOR] = "generator",
	[PW_VALUE_WEAKREF] = "weakref",
	[PW_VALUE_PARTIAL] = "partial",
	[PW_VALUE_MEMORYVIEW] = "memoryview",
	[PW_VALUE_NAMESPACE] = "namespace",
	[PW_VALUE_EXCEPTION] = "exception",
	[PW_VALUE_DATE] = "date",
	[PW_VALUE_DATETIME] = "datetime",
	[PW_VALUE_TIME] = "time",
	[PW_VALUE_TIMEDELTA] = "timedelta",
	[PW_VALUE_TIMEZONE] = "timezone",
	[PW_VALUE_DECIMAL] = "Decimal",
	[PW_VALUE_OLD_CLASS] = "type",
	[PW_VALUE_OLD_INSTANCE] = "object",
};

static bool is_container(enum pw_value_kind kind)
{
	return kind == PW_VALUE_LIST || kind == PW_VALUE_TUPLE ||
	       (kind >= PW_VALUE_DICT && kind <= PW_VALUE_MAPPINGPROXY);
}

struct pw_error *pw_value_about(struct pw_python *python, uint64_t object,
				struct pw_value_about *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	uint64_t length;
	pw_values_init(&v, python, NULL, &unused);
	if (!pw_values_type(&v, object, &t)) {
		if (v.bad)
			return pw_error_create_at(PW_ERROR_UNREADABLE, v.bad,
						  "object at 0x%" PRIx64 ": cannot read 0x%" PRIx64,
						  object, v.bad);
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "object at 0x%" PRIx64 ": its type at 0x%" PRIx64
					  " is no type",
					  object, t.address);
	}
	*ret = (struct pw_value_about){.kind = names[t.kind], .type = t.address, .length = -1};
	if (!is_container(t.kind))
		return NULL;
	if (!pw_values_count(&v, object, &t, &length))
		return pw_error_create_at(PW_ERROR_UNREADABLE, v.bad,
					  "length of the %s at 0x%" PRIx64
					  ": cannot read 0x%" PRIx64,
					  names[t.kind], object, v.bad);
	if (length > PW_COUNT_MAX)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "%s at 0x%" PRIx64 ": length %" PRId64 " is not believed",
					  names[t.kind], object, (int64_t)length);
	ret->length = (int64_t)length;
	return NULL;
}
