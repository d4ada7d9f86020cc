/*
 * What the files value*.c share: the state of one look at a value, and what its type is.
 */
#ifndef PW_PYTHON_VALUE_PRIVATE_H
#define PW_PYTHON_VALUE_PRIVATE_H

#include "python/dict.h"
#include "python/value.h"

enum {
	PW_VALUE_DEPTH_MAX = 64,
	PW_NESTED_MAX = 200,
	PW_BASES_MAX = 64, /* types above each other */
};
/* No container holds more. */
static const uint64_t PW_COUNT_MAX = UINT64_C(1) << 40;

enum pw_value_kind {
	PW_VALUE_OBJECT, /* anything else */
	PW_VALUE_NONE,
	PW_VALUE_NOT_IMPLEMENTED,
	PW_VALUE_ELLIPSIS,
	PW_VALUE_BOOL,
	PW_VALUE_INT,
	PW_VALUE_INT2, /* 2.7's int; its long is PW_VALUE_INT */
	PW_VALUE_FLOAT,
	PW_VALUE_COMPLEX,
	PW_VALUE_STR,
	PW_VALUE_BYTES,
	PW_VALUE_BYTEARRAY,
	PW_VALUE_TUPLE,
	PW_VALUE_LIST,
	PW_VALUE_DICT,
	PW_VALUE_SET,
	PW_VALUE_FROZENSET,
	PW_VALUE_DEQUE,
	PW_VALUE_DEFAULTDICT,
	PW_VALUE_ORDEREDDICT,
	PW_VALUE_DICT_KEYS,
	PW_VALUE_DICT_VALUES,
	PW_VALUE_DICT_ITEMS,
	PW_VALUE_MAPPINGPROXY,
	PW_VALUE_SLICE,
	PW_VALUE_RANGE,
	PW_VALUE_TYPE,
	PW_VALUE_MODULE,
	PW_VALUE_FUNCTION,
	PW_VALUE_METHOD,
	PW_VALUE_CFUNCTION,
	PW_VALUE_DESCRIPTOR,
	PW_VALUE_METHOD_WRAPPER,
	PW_VALUE_STATICMETHOD,
	PW_VALUE_CLASSMETHOD,
	PW_VALUE_CELL,
	PW_VALUE_CODE,
	PW_VALUE_FRAME,
	PW_VALUE_GENERATOR,
	PW_VALUE_WEAKREF,
	PW_VALUE_PARTIAL,
	PW_VALUE_MEMORYVIEW,
	PW_VALUE_NAMESPACE,
	PW_VALUE_EXCEPTION,
	PW_VALUE_DATE,
	PW_VALUE_DATETIME,
	PW_VALUE_TIME,
	PW_VALUE_TIMEDELTA,
	PW_VALUE_TIMEZONE,
	PW_VALUE_DECIMAL,
	PW_VALUE_OLD_CLASS, /* 2.7 */
	PW_VALUE_OLD_INSTANCE,
	PW_VALUE_KIND_COUNT
};

struct pw_values {
	struct pw_python *python;
	const struct pw_layout *l;
	struct pw_value_limits limits;
	struct pw_buffer *out;
	size_t start;  /* out->length before the first byte of text */
	uint64_t bad;  /* the address that could not be read last */
	unsigned left; /* reads that are left */
	unsigned depth;
	unsigned nested; /* values within each other that are being printed, containers or not */
	uint64_t path[PW_VALUE_DEPTH_MAX + 1]; /* the containers around */
};

struct pw_vtype {
	uint64_t address, flags;
	enum pw_value_kind kind;
	uint64_t base;			 /* the known type that gave the kind; 0: none */
	bool own_repr;			 /* a class below `base` has a __repr__ of its own */
	char name[PW_TYPE_NAME_MAX + 1]; /* tp_name */
};

/* ---- value.c ---- */

void pw_values_init(struct pw_values *v, struct pw_python *python,
		    const struct pw_value_limits *limits, struct pw_buffer *out);
/* Appends the text of an object within the text of another; 0 is "<NULL>". */
void pw_values_print(struct pw_values *v, uint64_t object);
void pw_values_emit(struct pw_values *v, const char *text);
__attribute__((format(printf, 2, 3))) void pw_values_emitf(struct pw_values *v, const char *format,
							   ...);
/* Says that v->bad cannot be read, or that no read is left. */
void pw_values_unreadable(struct pw_values *v);
/* Whether the text has reached its limit. */
bool pw_values_full(const struct pw_values *v);
/* "<TYPE object at 0x..>", or with an opening for what follows: "<TYPE object at 0x..: ". */
void pw_values_plain(struct pw_values *v, uint64_t object, const struct pw_vtype *t, bool open);

/* Whether it is one of the containers around. */
bool pw_values_around(const struct pw_values *v, uint64_t object);
/* A container: false when it is one of those around, and `cycle` was written instead. */
bool pw_values_enter(struct pw_values *v, uint64_t object, const char *cycle);
void pw_values_leave(struct pw_values *v);

/* A row of items that ends in how many were left out. */
struct pw_row {
	struct pw_values *v;
	uint64_t shown, total;
};
/* Before each item; false: no more of them. */
bool pw_row_next(struct pw_row *row);
void pw_row_end(struct pw_row *row, bool readable);

/* ---- value_read.c: false: it could not be read, v->bad says where ---- */

bool pw_values_read(struct pw_values *v, uint64_t address, void *buffer, size_t size);
bool pw_values_u64(struct pw_values *v, uint64_t address, uint64_t *ret);
bool pw_values_u32(struct pw_values *v, uint64_t address, uint32_t *ret);
bool pw_values_u8(struct pw_values *v, uint64_t address, uint8_t *ret);
/* A member; false too when the version lacks it. */
bool pw_values_field(struct pw_values *v, uint64_t base, struct pw_field field, uint64_t *ret);
/* The text of a C string, at most PW_TYPE_NAME_MAX bytes. */
bool pw_values_cstring(struct pw_values *v, uint64_t address, char *ret);
/* The text of a str, without quotes, cut at PW_TYPE_NAME_MAX characters. */
bool pw_values_name(struct pw_values *v, uint64_t object, struct pw_buffer *ret);
/* An int that fits. */
bool pw_values_int(struct pw_values *v, uint64_t object, int64_t *ret);

/* ---- value_type.c ---- */

bool pw_values_type(struct pw_values *v, uint64_t object, struct pw_vtype *ret);
/* The same for an object that is a type. */
bool pw_values_type_at(struct pw_values *v, uint64_t type, struct pw_vtype *ret);
/* "module.Qualified.Name" as in object.__repr__(); never fails. */
void pw_values_type_label(struct pw_values *v, uint64_t type, struct pw_buffer *ret);
/* The last part of it, as in exceptions. */
void pw_values_type_short(struct pw_values *v, uint64_t type, struct pw_buffer *ret);
/* What a class's own dict has; *ret 0: nothing. */
bool pw_values_class_own(struct pw_values *v, uint64_t type, const char *name, uint64_t *ret);
/* The first class of the MRO that has it; *ret_class may be NULL. */
bool pw_values_class_find(struct pw_values *v, uint64_t type, const char *name, uint64_t *ret,
			  uint64_t *ret_class);
/* The function of Python's that is `type`'s __repr__: the module that made it, its qualified name,
 * the class that has it.  false: there is none. */
bool pw_values_repr_from(struct pw_values *v, uint64_t type, struct pw_buffer *ret_module,
			 struct pw_buffer *ret_name, uint64_t *ret_class);
/* Whether it is one of these: alternatives separated by bars. */
bool pw_values_repr_of(struct pw_values *v, uint64_t type, const char *modules, const char *names);
/* Whether one of its bases (tp_base) is this class. */
bool pw_values_derives(struct pw_values *v, uint64_t type, const char *module, const char *name);
bool pw_values_is_heap(const struct pw_vtype *t);
/* 2.7's old-style classes, as the above. */
void pw_values_old_class_name(struct pw_values *v, uint64_t class, bool with_module,
			      struct pw_buffer *ret);

/* ---- value_walk.c: the parts of containers ---- */

/* key is 0 where there is none. */
typedef bool (*pw_pair_fn)(void *data, uint64_t key, uint64_t value);
/* How many parts it claims to have. */
bool pw_values_count(struct pw_values *v, uint64_t object, const struct pw_vtype *t, uint64_t *ret);
bool pw_values_walk(struct pw_values *v, uint64_t object, const struct pw_vtype *t, pw_pair_fn fn,
		    void *data);
bool pw_values_walk_dict(struct pw_values *v, uint64_t dict, pw_pair_fn fn, void *data);
/* The instance's own dict or values. */
bool pw_values_walk_own(struct pw_values *v, uint64_t object, pw_pair_fn fn, void *data);
/* The value of a key of text, without looking at the hash table; *ret 0: none. */
bool pw_values_dict_get(struct pw_values *v, uint64_t dict, const char *name, uint64_t *ret);
/* Where the pointers of a tuple, list or structure sequence stand. */
bool pw_values_items(struct pw_values *v, uint64_t object, const struct pw_vtype *t, uint64_t *ret);

/* ---- value_instance.c: attributes ---- */

typedef bool (*pw_attribute_fn)(void *data, const char *name, uint64_t value);
/* The attributes of an instance: slots, then its own dict.  Names are text; value is never 0. */
bool pw_values_attributes(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			  pw_attribute_fn fn, void *data);
bool pw_values_attribute(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			 const char *name, uint64_t *ret);
void pw_print_instance(struct pw_values *v, uint64_t object, const struct pw_vtype *t);
/* "a=1, b='x'". */
void pw_print_attributes(struct pw_values *v, uint64_t object, const struct pw_vtype *t);
/* Classes in Python whose __repr__ is known: false when this is none of them. */
bool pw_print_known_class(struct pw_values *v, uint64_t object, const struct pw_vtype *t);

/* Appends the path of a pathlib object. */
bool pw_values_path(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
		    struct pw_buffer *ret);

/* ---- printers, one a kind ---- */

typedef void (*pw_printer)(struct pw_values *v, uint64_t object, const struct pw_vtype *t);
void pw_print_int(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_int2(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_bool(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_float(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_complex(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_str(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_bytes(struct pw_values *, uint64_t, const struct pw_vtype *);
/* str() of it, cut at the limit of characters; false: it is none, or unreadable. */
bool pw_print_str_plain(struct pw_values *v, uint64_t object, const struct pw_vtype *t,
			uint64_t *ret_length);
/* One character of a str. */
bool pw_values_character(struct pw_values *v, uint64_t object, uint64_t index, uint32_t *ret);
void pw_print_bytearray(struct pw_values *, uint64_t, const struct pw_vtype *);
/* Text that is somebody else's, as repr() of a str. */
void pw_print_text(struct pw_values *v, const char *utf8);

void pw_print_tuple(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_list(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_dict(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_set(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_deque(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_defaultdict(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_ordereddict(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_dict_view(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_mappingproxy(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_slice(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_range(struct pw_values *, uint64_t, const struct pw_vtype *);
/* Objects/structseq.c: false when it is none. */
bool pw_print_structseq(struct pw_values *v, uint64_t object, const struct pw_vtype *t);
/* "{key: value, ...}" of a dict, whatever class it is of. */
void pw_print_pairs(struct pw_values *v, uint64_t dict, const struct pw_vtype *t);
/* "[(key, value), ...]" of it. */
void pw_print_pair_list(struct pw_values *v, uint64_t dict, const struct pw_vtype *t);

void pw_print_type(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_module(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_function(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_method(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_cfunction(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_descriptor(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_method_wrapper(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_wrapped(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_cell(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_code(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_frame(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_generator(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_weakref(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_partial(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_memoryview(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_namespace(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_exception(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_old_class(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_old_instance(struct pw_values *, uint64_t, const struct pw_vtype *);

void pw_print_date(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_datetime(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_time(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_timedelta(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_timezone(struct pw_values *, uint64_t, const struct pw_vtype *);
void pw_print_decimal(struct pw_values *, uint64_t, const struct pw_vtype *);

#endif
