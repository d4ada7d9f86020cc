/*
 * Heads of objects: Include/object.h, refcount.h (3.14+), cpython/object.h; counts of free-threaded
 * builds: Include/refcount.h, _Py_REF_SHARED_SHIFT.  References on the interpreter's stack:
 * Include/internal/pycore_stackref.h (3.13-3.15).
 */
#include "python/value_private.h"

#include <inttypes.h>

/* From 3.12 on the lower half counts, and is negative for ever in what is never freed; before, the
 * whole word counts. */
static bool read_count(struct pw_values *v, uint64_t object, struct pw_object *ret)
{
	const struct pw_layout *l = v->l;
	enum { SHARED_SHIFT = 2 };
	uint32_t low;
	uint64_t shared, word;
	if (pw_has(l, object_ref_local) && pw_has(l, object_ref_shared)) {
		if (!pw_values_u32(v, object + (uint64_t)l->object_ref_local.offset, &low) ||
		    !pw_values_field(v, object, l->object_ref_shared, &shared))
			return false;
		ret->immortal = low == UINT32_MAX;
		ret->refcount = low + (uint64_t)((int64_t)shared >> SHARED_SHIFT);
		return true;
	}
	if (!pw_values_field(v, object, l->object_refcnt, &word))
		return false;
	low = (uint32_t)word;
	ret->immortal = l->traits.immortals && (int32_t)low < 0;
	ret->refcount = l->traits.narrow_counts || ret->immortal ? low : word;
	return true;
}

struct pw_error *pw_value_head(struct pw_python *python, uint64_t object, struct pw_object *ret)
{
	pw_auto_buffer struct pw_buffer unused = {0};
	struct pw_values v;
	struct pw_vtype t;
	*ret = (struct pw_object){0};
	pw_values_init(&v, python, NULL, &unused);
	if (object % 8)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "no object at 0x%" PRIx64 ": the address is not aligned",
					  object);
	if (!pw_values_type(&v, object, &t)) {
		if (v.bad)
			return pw_error_create_at(PW_ERROR_UNREADABLE, v.bad,
						  "no object at 0x%" PRIx64
						  ": cannot read 0x%" PRIx64,
						  object, v.bad);
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "no object at 0x%" PRIx64
					  ": its type would be at 0x%" PRIx64 ", and there is none",
					  object, t.address);
	}
	ret->type = t.address;
	ret->counted = read_count(&v, object, ret);
	/* What happens to lie before a pointer to a type. */
	if (ret->counted && ret->refcount >> 40)
		return pw_error_create_at(PW_ERROR_CORRUPT, object,
					  "no object at 0x%" PRIx64 ": it would have %" PRIu64
					  " references",
					  object, ret->refcount);
	return NULL;
}
