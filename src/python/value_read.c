/*
 * Reads of values: each counts, and none makes an error object that nobody looks at.
 */
#include "python/value_private.h"

#include "base/text.h"

#include <string.h>

bool pw_values_read(struct pw_values *v, uint64_t address, void *buffer, size_t size)
{
	v->bad = 0;
	if (v->left == 0)
		return false;
	v->left--;
	pw_auto_error struct pw_error *error = pw_read(v->python->target, address, buffer, size);
	if (!error)
		return true;
	v->bad = pw_error_address(error) ? pw_error_address(error) : address;
	return false;
}

bool pw_values_u64(struct pw_values *v, uint64_t address, uint64_t *ret)
{
	return pw_values_read(v, address, ret, sizeof(*ret));
}

bool pw_values_u32(struct pw_values *v, uint64_t address, uint32_t *ret)
{
	return pw_values_read(v, address, ret, sizeof(*ret));
}

bool pw_values_u8(struct pw_values *v, uint64_t address, uint8_t *ret)
{
	return pw_values_read(v, address, ret, sizeof(*ret));
}

bool pw_values_field(struct pw_values *v, uint64_t base, struct pw_field field, uint64_t *ret)
{
	v->bad = base;
	return field.offset >= 0 && pw_values_u64(v, base + (uint64_t)field.offset, ret);
}

bool pw_values_cstring(struct pw_values *v, uint64_t address, char *ret)
{
	v->bad = 0;
	if (v->left == 0)
		return false;
	v->left--;
	pw_auto_error struct pw_error *error =
		pw_read_string(v->python->target, address, ret, PW_TYPE_NAME_MAX);
	if (!error)
		return true;
	v->bad = pw_error_address(error) ? pw_error_address(error) : address;
	return false;
}

bool pw_values_name(struct pw_values *v, uint64_t object, struct pw_buffer *ret)
{
	enum { MOST = 4096 };
	v->bad = object;
	if (v->left < 4)
		return false;
	v->left -= 4;
	struct pw_budget budget = v->python->budget;
	v->python->budget.bytes = MOST * 4;
	pw_auto_buffer struct pw_buffer text = {0};
	pw_auto_error struct pw_error *error = pw_object_string(v->python, object, &text);
	v->python->budget = budget;
	if (error)
		return false;
	/* An empty name is text too: callers compare ret->data. */
	if (!pw_buffer_reserve(ret, 1))
		return false;
	ret->data[ret->length] = '\0';
	/* Names go into text between quotes of nobody. */
	pw_text_append_printable(ret, text.data ? text.data : "");
	return true;
}

bool pw_values_int(struct pw_values *v, uint64_t object, int64_t *ret)
{
	uint64_t value;
	v->bad = object;
	if (v->left < 4)
		return false;
	v->left -= 4;
	pw_auto_error struct pw_error *error = pw_object_int(v->python, object, &value);
	*ret = error ? 0 : (int64_t)value;
	return !error;
}
