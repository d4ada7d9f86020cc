/* The dictionary of an OTLP profiles request. */
#include "output/profile_otlp.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	TABLE_MAPPING = 1,
	TABLE_LOCATION = 2,
	TABLE_FUNCTION = 3,
	TABLE_LINK = 4,
	TABLE_STRING = 5,
	TABLE_ATTRIBUTE = 6,
	TABLE_STACK = 7,
};

struct pw_otlp_attribute {
	Otlp__AnyValue__ValueCase kind;
	uint32_t key, unit; /* texts */
	uint32_t text;	    /* of attribute_keys: the value is at its end */
	size_t value_at;    /* where it begins there */
	int64_t number;
	double real;
};

void pw_otlp_put(struct pw_otlp *o, unsigned field, const ProtobufCMessage *message)
{
	if (o->measuring)
		o->measured +=
			pw_proto_field_size(field, protobuf_c_message_get_packed_size(message));
	else
		pw_proto_append_message(pw_sink_buffer(o->sink), field, message);
}

bool pw_otlp_settle(struct pw_otlp *o)
{
	return !o->nomem && !pw_otlp_failed(o) && pw_sink_settle(o->sink);
}

/* ---- stacks --------------------------------------------------------------------------------- */

int32_t pw_otlp_stack(struct pw_otlp *o, uint32_t node)
{
	if (node && !o->stacks[node]) {
		pw_buffer_append(&o->stack_nodes, &node, sizeof(node));
		o->stacks[node] = (int32_t)(o->stack_nodes.length / sizeof(node));
	}
	return node ? o->stacks[node] : 0;
}

static void write_stacks(struct pw_otlp *o)
{
	Otlp__Stack empty = OTLP__STACK__INIT;
	pw_otlp_put(o, TABLE_STACK, &empty.base);
	for (size_t i = 0; i < o->stack_nodes.length / sizeof(uint32_t) && pw_otlp_settle(o); i++) {
		Otlp__Stack message = OTLP__STACK__INIT;
		uint32_t at = ((const uint32_t *)(void *)o->stack_nodes.data)[i];
		o->places.length = 0;
		for (; at; at = pw_profile_node(o->profile, at)->parent) {
			int32_t place = (int32_t)pw_profile_node(o->profile, at)->frame + 1;
			pw_buffer_append(&o->places, &place, sizeof(place));
		}
		message.n_location_indices = o->places.length / sizeof(int32_t);
		message.location_indices = (void *)o->places.data;
		pw_otlp_put(o, TABLE_STACK, &message.base);
	}
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* The one that the text `key` stands for; its value is in there from `value_at` on, or is a number.
 */
static int32_t add_attribute(struct pw_otlp *o, const struct pw_buffer *key,
			     struct pw_otlp_attribute attribute)
{
	size_t before = o->attributes.length / sizeof(attribute);
	uint32_t number = pw_strings_add(&o->attribute_keys, key->data);
	o->nomem |= key->failed;
	if (number > before) {
		attribute.text = number;
		pw_buffer_append(&o->attributes, &attribute, sizeof(attribute));
	}
	return (int32_t)number;
}

int32_t pw_otlp_text(struct pw_otlp *o, const char *key, const char *text)
{
	pw_auto_buffer struct pw_buffer whole = {0};
	pw_buffer_printf(&whole, "text %s ", key);
	const struct pw_otlp_attribute attribute = {
		.kind = OTLP__ANY_VALUE__VALUE_STRING_VALUE,
		.key = pw_strings_add(&o->texts, key),
		.value_at = whole.length,
	};
	pw_buffer_append_string(&whole, text);
	return add_attribute(o, &whole, attribute);
}

int32_t pw_otlp_number(struct pw_otlp *o, const char *key, int64_t number, const char *unit)
{
	pw_auto_buffer struct pw_buffer whole = {0};
	pw_buffer_printf(&whole, "number %s %" PRId64, key, number);
	const struct pw_otlp_attribute attribute = {
		.kind = OTLP__ANY_VALUE__VALUE_INT_VALUE,
		.key = pw_strings_add(&o->texts, key),
		.unit = pw_strings_add(&o->texts, unit),
		.number = number,
	};
	return add_attribute(o, &whole, attribute);
}

int32_t pw_otlp_flag(struct pw_otlp *o, const char *key)
{
	pw_auto_buffer struct pw_buffer whole = {0};
	pw_buffer_printf(&whole, "flag %s", key);
	const struct pw_otlp_attribute attribute = {
		.kind = OTLP__ANY_VALUE__VALUE_BOOL_VALUE,
		.key = pw_strings_add(&o->texts, key),
		.number = 1,
	};
	return add_attribute(o, &whole, attribute);
}

int32_t pw_otlp_fact(struct pw_otlp *o, const struct pw_profile_fact *fact)
{
	pw_auto_buffer struct pw_buffer whole = {0}, key = {0};
	pw_buffer_printf(&key, "pywalk.%s", fact->name);
	for (size_t i = 0; i < key.length; i++)
		if (key.data[i] == ' ')
			key.data[i] = '_';
	o->nomem |= key.failed;
	if (strcmp(fact->unit, "Hz") != 0)
		return pw_otlp_number(o, key.data ? key.data : "",
				      fact->value < 0x1p63 ? (int64_t)fact->value : INT64_MAX,
				      fact->unit);
	pw_buffer_printf(&whole, "real %s %a", key.data ? key.data : "", fact->value);
	const struct pw_otlp_attribute attribute = {
		.kind = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE,
		.key = pw_strings_add(&o->texts, key.data),
		.unit = pw_strings_add(&o->texts, fact->unit),
		.real = fact->value,
	};
	return add_attribute(o, &whole, attribute);
}

static void write_attributes(struct pw_otlp *o)
{
	const struct pw_otlp_attribute *all = (void *)o->attributes.data;
	Otlp__KeyValueAndUnit empty = OTLP__KEY_VALUE_AND_UNIT__INIT;
	pw_otlp_put(o, TABLE_ATTRIBUTE, &empty.base);
	for (size_t i = 0; i < o->attributes.length / sizeof(*all) && pw_otlp_settle(o); i++) {
		Otlp__KeyValueAndUnit message = OTLP__KEY_VALUE_AND_UNIT__INIT;
		Otlp__AnyValue value = OTLP__ANY_VALUE__INIT;
		message.key_strindex = (int32_t)all[i].key;
		message.unit_strindex = (int32_t)all[i].unit;
		message.value = &value;
		value.value_case = all[i].kind;
		if (all[i].kind == OTLP__ANY_VALUE__VALUE_STRING_VALUE)
			value.string_value =
				(char *)(uintptr_t)pw_strings_get(&o->attribute_keys, all[i].text) +
				all[i].value_at;
		else if (all[i].kind == OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE)
			value.double_value = all[i].real;
		else if (all[i].kind == OTLP__ANY_VALUE__VALUE_BOOL_VALUE)
			value.bool_value = true;
		else
			value.int_value = all[i].number;
		pw_otlp_put(o, TABLE_ATTRIBUTE, &message.base);
	}
}

/* ---- what frames refer to ------------------------------------------------------------------- */

static void write_mappings(struct pw_otlp *o)
{
	for (uint32_t i = 0; i < o->modules.count && pw_otlp_settle(o); i++) {
		Otlp__Mapping message = OTLP__MAPPING__INIT;
		message.filename_strindex =
			(int32_t)pw_strings_add(&o->texts, pw_strings_get(&o->modules, i));
		pw_otlp_put(o, TABLE_MAPPING, &message.base);
	}
}

static void write_functions(struct pw_otlp *o)
{
	Otlp__Function empty = OTLP__FUNCTION__INIT;
	pw_otlp_put(o, TABLE_FUNCTION, &empty.base);
	for (size_t i = 0; i < pw_profile_function_count(o->profile) && pw_otlp_settle(o); i++) {
		const struct pw_profile_function *f = pw_profile_function(o->profile, i);
		Otlp__Function message = OTLP__FUNCTION__INIT;
		message.name_strindex =
			(int32_t)pw_strings_add(&o->texts, *f->name ? f->name : "??");
		message.filename_strindex = (int32_t)pw_strings_add(&o->texts, f->file);
		message.start_line = f->first_line > 0 ? f->first_line : 0;
		pw_otlp_put(o, TABLE_FUNCTION, &message.base);
	}
}

/* OpenTelemetry's names for what frames are made of; 0: none. */
static int32_t frame_type(struct pw_otlp *o, enum pw_profile_kind kind)
{
	switch (kind) {
	case PW_PROFILE_PYTHON:
		return pw_otlp_text(o, "profile.frame.type", "cpython");
	case PW_PROFILE_NATIVE:
		return pw_otlp_text(o, "profile.frame.type", "native");
	default:
		return 0;
	}
}

static void write_locations(struct pw_otlp *o)
{
	Otlp__Location empty = OTLP__LOCATION__INIT;
	pw_otlp_put(o, TABLE_LOCATION, &empty.base);
	for (size_t i = 0; i < pw_profile_frame_count(o->profile) && pw_otlp_settle(o); i++) {
		const struct pw_profile_frame *frame = pw_profile_frame(o->profile, i);
		const struct pw_profile_function *f =
			pw_profile_function(o->profile, frame->function);
		Otlp__Location message = OTLP__LOCATION__INIT;
		Otlp__Line line = OTLP__LINE__INIT, *lines[1] = {&line};
		int32_t type = frame_type(o, f->kind);
		line.function_index = (int32_t)frame->function + 1;
		line.line = frame->line > 0 ? frame->line : 0;
		message.mapping_index = (int32_t)pw_strings_add(&o->modules, f->module);
		message.n_lines = 1;
		message.lines = lines;
		message.n_attribute_indices = type ? 1 : 0;
		message.attribute_indices = &type;
		pw_otlp_put(o, TABLE_LOCATION, &message.base);
	}
}

static void write_links(struct pw_otlp *o)
{
	uint8_t zeros[16] = {0};
	Otlp__Link message = OTLP__LINK__INIT;
	message.trace_id = (ProtobufCBinaryData){16, zeros};
	message.span_id = (ProtobufCBinaryData){8, zeros};
	pw_otlp_put(o, TABLE_LINK, &message.base);
}

static void write_texts(struct pw_otlp *o)
{
	for (uint32_t i = 0; i < o->texts.count && pw_otlp_settle(o); i++) {
		const char *text = pw_strings_get(&o->texts, i);
		if (o->measuring)
			o->measured += pw_proto_field_size(TABLE_STRING, strlen(text));
		else
			pw_proto_append_text(pw_sink_buffer(o->sink), TABLE_STRING, text);
	}
}

/* Each adds only to those behind it, so that a second time is like the first. */
void pw_otlp_write_tables(struct pw_otlp *o)
{
	write_locations(o);
	write_mappings(o);
	write_functions(o);
	write_links(o);
	write_stacks(o);
	write_attributes(o);
	write_texts(o);
}

bool pw_otlp_failed(const struct pw_otlp *o)
{
	return o->texts.failed || o->modules.failed || o->processes.failed ||
	       o->attribute_keys.failed || o->values.failed || o->times.failed ||
	       o->places.failed || o->stack_nodes.failed || o->attributes.failed;
}

void pw_otlp_deinit(struct pw_otlp *o)
{
	pw_strings_deinit(&o->texts);
	pw_strings_deinit(&o->modules);
	pw_strings_deinit(&o->processes);
	pw_strings_deinit(&o->attribute_keys);
	pw_buffer_deinit(&o->values);
	pw_buffer_deinit(&o->times);
	pw_buffer_deinit(&o->places);
	pw_buffer_deinit(&o->stack_nodes);
	pw_buffer_deinit(&o->attributes);
	free(o->order);
	free(o->stacks);
}
