/*
 * The format "otlp": an ExportProfilesServiceRequest of OpenTelemetry's profiles, v1development
 * (src/output/otlp.proto), as a collector takes it; a file of ProfilesData is the same.
 *
 * A process is a resource with one profile; equal samples are one, with the time and the weight of
 * each.  All else is in the dictionary, whose tables begin with a zero value: an index there is one
 * more than that in pywalk's own tables.
 */
#include "output/profile_writer.h"
#include "output/profile_otlp.h"

#include <stdlib.h>

enum { REQUEST_RESOURCE = 1, REQUEST_DICTIONARY = 2, RESOURCE_SCOPE = 2, SCOPE_PROFILE = 2 };
enum { PROFILE_SAMPLE = 2 };
enum { SAMPLE_ATTRIBUTES = 5, RESOURCE_ATTRIBUTES = 8 };

/* ---- samples -------------------------------------------------------------------------------- */

static size_t sample_attributes(struct pw_otlp *o, const struct pw_profile_sample *sample,
				int32_t attributes[SAMPLE_ATTRIBUTES])
{
	const struct pw_profile_thread *thread = pw_profile_thread(o->profile, sample->thread);
	const char *name = thread->name ? thread->name : thread->kernel_name;
	size_t count = 0;
	attributes[count++] = pw_otlp_number(o, "thread.id", pw_proto_signed(thread->tid), NULL);
	if (name)
		attributes[count++] = pw_otlp_text(o, "thread.name", name);
	if (sample->flags & PW_SAMPLE_RUNNING)
		attributes[count++] = pw_otlp_flag(o, "pywalk.running");
	if (sample->flags & PW_SAMPLE_GIL)
		attributes[count++] = pw_otlp_flag(o, "pywalk.gil");
	if (sample->flags & PW_SAMPLE_TORN)
		attributes[count++] = pw_otlp_flag(o, "pywalk.torn");
	return count;
}

/* Of `count` equal ones.  Gives their number in `values` and `times` again. */
static void write_run(struct pw_otlp *o, const size_t *order, size_t count)
{
	const struct pw_profile_sample *sample = pw_profile_sample(o->profile, order[0]);
	Otlp__Sample message = OTLP__SAMPLE__INIT;
	int32_t attributes[SAMPLE_ATTRIBUTES];
	o->values.length = o->times.length = 0;
	for (size_t i = 0; i < count; i++) {
		const struct pw_profile_sample *one = pw_profile_sample(o->profile, order[i]);
		int64_t value = pw_proto_signed(one->weight);
		uint64_t time;
		if (__builtin_add_overflow(pw_profile_info(o->profile)->start, one->time, &time))
			time = UINT64_MAX;
		pw_buffer_append(&o->values, &value, sizeof(value));
		pw_buffer_append(&o->times, &time, sizeof(time));
	}
	message.stack_index = pw_otlp_stack(o, sample->node);
	message.n_attribute_indices = sample_attributes(o, sample, attributes);
	message.attribute_indices = attributes;
	message.n_values = o->values.length / sizeof(int64_t);
	message.values = (void *)o->values.data;
	message.n_timestamps_unix_nano = o->times.length / sizeof(uint64_t);
	message.timestamps_unix_nano = (void *)o->times.data;
	pw_otlp_put(o, PROFILE_SAMPLE, &message.base);
}

/* The samples of one process: from `first` of the order to before `end`. */
static void write_samples(struct pw_otlp *o, size_t first, size_t end)
{
	for (size_t i = first, run; i < end && pw_otlp_settle(o); i += run) {
		run = pw_profile_run(o->profile, o->order, i);
		write_run(o, o->order + i, run);
	}
}

/* ---- profiles and resources ------------------------------------------------------------------ */

static void append_profile(struct pw_otlp *o, struct pw_buffer *b)
{
	const struct pw_profile_info *info = pw_profile_info(o->profile);
	const char *clock = pw_profile_clock_name(info->clock);
	struct pw_profile_fact facts[PW_PROFILE_FACTS];
	int32_t attributes[PW_PROFILE_FACTS + 2];
	Otlp__Profile message = OTLP__PROFILE__INIT;
	Otlp__ValueType type = OTLP__VALUE_TYPE__INIT;
	type.type_strindex = (int32_t)pw_strings_add(&o->texts, clock);
	type.unit_strindex = (int32_t)pw_strings_add(&o->texts, "nanoseconds");
	message.sample_type = message.period_type = &type;
	message.period = pw_proto_period(info);
	message.time_unix_nano = info->start;
	message.duration_nano = info->duration;
	pw_profile_facts(o->profile, facts);
	for (size_t i = 0; i < PW_PROFILE_FACTS; i++)
		attributes[i] = pw_otlp_fact(o, &facts[i]);
	attributes[PW_PROFILE_FACTS] = pw_otlp_text(o, "pywalk.engine", info->engine);
	attributes[PW_PROFILE_FACTS + 1] = pw_otlp_flag(o, "pywalk.cut_off");
	message.attribute_indices = attributes;
	message.n_attribute_indices = PW_PROFILE_FACTS + (info->complete ? 1 : 2);
	char *room = pw_buffer_reserve(b, protobuf_c_message_get_packed_size(&message.base));
	if (room)
		b->length += protobuf_c_message_pack(&message.base, (uint8_t *)room);
}

static void append_resource(struct pw_otlp *o, struct pw_buffer *b, size_t index)
{
	const struct pw_profile_process *process = pw_profile_process(o->profile, index);
	const struct {
		const char *key;
		const char *text; /* NULL: unknown, or a number */
		int64_t number;	  /* 0: unknown, or a text */
	} all[RESOURCE_ATTRIBUTES] = {
		{"process.pid", NULL, process->pid},
		{"process.parent_pid", NULL, process->parent},
		{"process.executable.path", process->executable, 0},
		{"process.command_line", process->command, 0},
		{"process.runtime.name", process->python ? "cpython" : NULL, 0},
		{"process.runtime.version", process->python, 0},
	};
	Otlp__Resource message = OTLP__RESOURCE__INIT;
	Otlp__KeyValue pairs[RESOURCE_ATTRIBUTES], *pointers[RESOURCE_ATTRIBUTES];
	Otlp__AnyValue values[RESOURCE_ATTRIBUTES];
	message.attributes = pointers;
	for (size_t i = 0; i < RESOURCE_ATTRIBUTES; i++) {
		size_t at = message.n_attributes;
		if (!all[i].text && !all[i].number)
			continue;
		otlp__key_value__init(&pairs[at]);
		otlp__any_value__init(&values[at]);
		pairs[at].key = (char *)(uintptr_t)all[i].key;
		pairs[at].value = &values[at];
		if (all[i].text) {
			values[at].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
			/* What is not UTF-8 is escaped there. */
			values[at].string_value = (char *)(uintptr_t)pw_strings_get(
				&o->processes, pw_strings_add(&o->processes, all[i].text));
		} else {
			values[at].value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
			values[at].int_value = all[i].number;
		}
		pointers[message.n_attributes++] = &pairs[at];
	}
	pw_proto_append_message(b, 1, &message.base);
}

static void append_scope(struct pw_buffer *b)
{
	Otlp__InstrumentationScope message = OTLP__INSTRUMENTATION_SCOPE__INIT;
	message.name = (char *)(uintptr_t) "pywalk";
	message.version = (char *)(uintptr_t)PW_VERSION;
	pw_proto_append_message(b, 1, &message.base);
}

/* What is inside what has to know its length before: samples are looked at twice. */
static void write_process(struct pw_otlp *o, size_t index, size_t first, size_t end)
{
	pw_auto_buffer struct pw_buffer resource = {0}, scope = {0}, profile = {0};
	append_resource(o, &resource, index);
	append_scope(&scope);
	append_profile(o, &profile);
	o->measuring = true;
	o->measured = 0;
	write_samples(o, first, end);
	o->measuring = false;
	size_t profile_size = profile.length + o->measured;
	size_t scope_size = scope.length + pw_proto_field_size(SCOPE_PROFILE, profile_size);
	size_t size = resource.length + pw_proto_field_size(RESOURCE_SCOPE, scope_size);
	struct pw_buffer *b = pw_sink_buffer(o->sink);
	pw_proto_append_header(b, REQUEST_RESOURCE, size);
	pw_buffer_append(b, resource.data, resource.length);
	pw_proto_append_header(b, RESOURCE_SCOPE, scope_size);
	pw_buffer_append(b, scope.data, scope.length);
	pw_proto_append_header(b, SCOPE_PROFILE, profile_size);
	pw_buffer_append(b, profile.data, profile.length);
	write_samples(o, first, end);
	o->nomem |= resource.failed || scope.failed || profile.failed;
}

static uint32_t process_at(const struct pw_otlp *o, size_t at)
{
	uint32_t thread = pw_profile_sample(o->profile, o->order[at])->thread;
	return pw_profile_thread(o->profile, thread)->process;
}

/* Also those without a sample: that they were watched is to be seen. */
static void write_processes(struct pw_otlp *o)
{
	size_t count = pw_profile_sample_count(o->profile), at = 0;
	for (size_t i = 0; i < pw_profile_process_count(o->profile) && pw_otlp_settle(o); i++) {
		size_t first = at;
		while (at < count && process_at(o, at) == i)
			at++;
		write_process(o, i, first, at);
	}
}

static void write_dictionary(struct pw_otlp *o)
{
	o->measuring = true;
	o->measured = 0;
	pw_otlp_write_tables(o);
	o->measuring = false;
	pw_proto_append_header(pw_sink_buffer(o->sink), REQUEST_DICTIONARY, o->measured);
	pw_otlp_write_tables(o);
}

static struct pw_error *write_otlp(struct pw_sink *sink, const struct pw_profile *profile)
{
	struct pw_otlp o = {.profile = profile, .sink = sink};
	pw_strings_add(&o.texts, NULL);
	pw_strings_add(&o.modules, NULL);
	o.order = pw_profile_order(profile);
	o.stacks = calloc(pw_profile_node_count(profile), sizeof(*o.stacks));
	o.nomem = !o.order || !o.stacks;
	if (!o.nomem) {
		write_processes(&o);
		write_dictionary(&o);
	}
	bool failed = o.nomem || pw_otlp_failed(&o);
	pw_otlp_deinit(&o);
	return failed ? &pw_error_nomem : NULL;
}

const struct pw_profile_writer pw_profile_writer_otlp = {
	.format = {"otlp", ".otlp", "OpenTelemetry's profiles, v1development, for a collector"},
	.write = write_otlp,
};
