/* The formats pprof, otlp and igprof, of what a hostile recording may hold: numbers at their ends,
 * texts that are not UTF-8 or steer a terminal.  What good ones hold is pywalk.sample's. */
#include "pywalk_profile.h"

#include "otlp.pb-c.h"
#include "pprof.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { ROOM = 1 << 16 };

struct bytes {
	unsigned char at[ROOM];
	size_t length;
	bool refuse;
};

static bool put(void *data, const char *piece, size_t length)
{
	struct bytes *b = data;
	if (b->refuse)
		return false;
	assert_true(b->length + length <= ROOM);
	memcpy(b->at + b->length, piece, length);
	b->length += length;
	return true;
}

static struct pw_profile *create(enum pw_profile_clock clock)
{
	const struct pw_profile_info info = {
		.engine = "",
		.clock = clock,
		.rate_wished = 1e-300,
		.start = UINT64_MAX,
		.duration = UINT64_MAX,
		.lost = UINT64_MAX,
	};
	struct pw_profile *profile;
	assert_null(pw_profile_create(&info, &profile));
	return profile;
}

static struct pw_profile *create_hostile(void)
{
	struct pw_profile *profile = create(PW_CLOCK_CPU);
	const struct pw_profile_process process = {INT64_MIN, INT64_MAX, NULL, NULL, "\xff\033["};
	struct pw_profile_thread thread = {.tid = UINT64_MAX, .name = "t\xc3"};
	const struct pw_profile_function function = {PW_PROFILE_PYTHON, "f\xff\033[2J(\n)",
						     "\xed\xa0\x80\n)", "m\n", -5};
	struct pw_profile_frame frame = {.line = INT32_MIN};
	struct pw_profile_node node = {0};
	struct pw_profile_sample sample = {.weight = UINT64_MAX, .flags = UINT32_MAX};
	assert_null(pw_profile_add_process(profile, &process, &thread.process));
	assert_null(pw_profile_add_thread(profile, &thread, &sample.thread));
	assert_null(pw_profile_add_function(profile, &function, &frame.function));
	assert_null(pw_profile_add_frame(profile, &frame, &node.frame));
	assert_null(pw_profile_add_node(profile, &node, &sample.node));
	assert_null(pw_profile_add_sample(profile, &sample));
	sample.time = UINT64_MAX;
	assert_null(pw_profile_add_sample(profile, &sample));
	sample.node = 0;
	assert_null(pw_profile_add_sample(profile, &sample));
	return profile;
}

static void write_as(const char *format, struct pw_profile *profile, struct bytes *ret)
{
	ret->length = 0;
	ret->refuse = false;
	assert_null(pw_profile_write(profile, format, put, ret));
	pw_profile_destroy(profile);
}

static void assert_harmless(const char *text)
{
	for (; *text; text++)
		assert_true((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f);
}

static Pprof__Profile *unpack_pprof(const struct bytes *b)
{
	static unsigned char plain[ROOM];
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)b->at,
		      .avail_in = (unsigned)b->length,
		      .next_out = plain,
		      .avail_out = ROOM};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	Pprof__Profile *p = pprof__profile__unpack(NULL, z.total_out, plain);
	inflateEnd(&z);
	assert_non_null(p);
	return p;
}

static const char *text_of(const Pprof__Profile *p, int64_t number)
{
	assert_true(number >= 0 && (size_t)number < p->n_string_table);
	return p->string_table[number];
}

static void test_pprof(void **state)
{
	static struct bytes out;
	write_as("pprof", create_hostile(), &out);
	Pprof__Profile *p = unpack_pprof(&out);
	for (size_t i = 0; i < p->n_string_table; i++)
		assert_harmless(p->string_table[i]);
	assert_int_equal(p->n_sample_type, 2);
	assert_string_equal(text_of(p, p->sample_type[0]->type), "samples");
	assert_string_equal(text_of(p, p->sample_type[1]->type), "cpu");
	assert_string_equal(text_of(p, p->period_type->type), "cpu");
	assert_int_equal(p->period, 0);
	assert_int_equal(p->time_nanos, INT64_MAX);
	assert_int_equal(p->duration_nanos, INT64_MAX);
	assert_int_equal(p->n_sample, 2);
	assert_int_equal(p->sample[0]->n_location_id, 0);
	assert_int_equal(p->sample[0]->value[0], 1);
	assert_int_equal(p->sample[1]->n_location_id, 1);
	assert_int_equal(p->sample[1]->value[0], 2);
	assert_int_equal(p->sample[1]->value[1], INT64_MAX);
	assert_int_equal(p->sample[1]->n_label, 7);
	assert_string_equal(text_of(p, p->sample[1]->label[0]->str), "t\\xc3");
	assert_int_equal(p->sample[1]->label[1]->num, INT64_MAX);
	assert_int_equal(p->n_location, 1);
	assert_int_equal(p->location[0]->line[0]->line, 0);
	assert_string_equal(text_of(p, p->function[0]->name), "f\\xff\\x1b[2J(\\x0a)");
	assert_int_equal(p->function[0]->start_line, 0);
	assert_string_equal(text_of(p, p->comment[p->n_comment - 1]), "the recording was cut off");
	pprof__profile__free_unpacked(p, NULL);
}

static void test_otlp(void **state)
{
	static struct bytes out;
	write_as("otlp", create_hostile(), &out);
	Otlp__ExportProfilesServiceRequest *r =
		otlp__export_profiles_service_request__unpack(NULL, out.length, out.at);
	assert_non_null(r);
	assert_int_equal(r->n_resource_profiles, 1);
	const Otlp__Profile *p = r->resource_profiles[0]->scope_profiles[0]->profiles[0];
	for (size_t i = 0; i < r->dictionary->n_string_table; i++)
		assert_harmless(r->dictionary->string_table[i]);
	assert_string_equal(r->dictionary->string_table[p->sample_type->type_strindex], "cpu");
	assert_int_equal(p->n_samples, 2);
	assert_int_equal(p->samples[0]->stack_index, 0);
	assert_int_equal(p->samples[1]->stack_index, 1);
	assert_int_equal(p->samples[1]->n_values, 2);
	assert_int_equal(p->samples[1]->values[1], INT64_MAX);
	assert_true(p->samples[1]->timestamps_unix_nano[1] == UINT64_MAX);
	assert_int_equal(p->samples[1]->n_attribute_indices, 5);
	for (size_t i = 1; i < r->dictionary->n_attribute_table; i++)
		if (r->dictionary->attribute_table[i]->value->value_case ==
		    OTLP__ANY_VALUE__VALUE_INT_VALUE)
			assert_true(r->dictionary->attribute_table[i]->value->int_value >= 0);
	otlp__export_profiles_service_request__free_unpacked(r, NULL);
}

static void test_igprof(void **state)
{
	static struct bytes out;
	write_as("igprof", create_hostile(), &out);
	out.at[out.length] = 0;
	assert_string_equal((char *)out.at,
			    "P=(ID=0 N=(python) T=0.000000001)\n"
			    "C1 FN0=(F0=(python:\\xed\\xa0\\x80\\x0a})+0 "
			    "N=(f\\xff\\x1b[2J{\\x0a} [\\xed\\xa0\\x80\\x0a}]))+0 "
			    "V0=(PERF_TICKS):(2,9223372036854775807,9223372036854775807)\n"
			    "C1 FN1=(F1=(gap:)+0 N=([no stack]))+0 "
			    "V0:(1,9223372036854775807,9223372036854775807)\n");
}

/* Without a process; and by a clock that no recording of pywalk.sample's has. */
static void test_empty(void **state)
{
	static struct bytes out;
	write_as("pprof", create(PW_CLOCK_GIL), &out);
	Pprof__Profile *p = unpack_pprof(&out);
	assert_string_equal(text_of(p, p->sample_type[1]->type), "gil");
	assert_int_equal(p->n_sample + p->n_location + p->n_function + p->n_mapping, 0);
	pprof__profile__free_unpacked(p, NULL);
	write_as("otlp", create(PW_CLOCK_GIL), &out);
	Otlp__ExportProfilesServiceRequest *r =
		otlp__export_profiles_service_request__unpack(NULL, out.length, out.at);
	assert_non_null(r);
	assert_int_equal(r->n_resource_profiles, 0);
	assert_int_equal(r->dictionary->n_stack_table, 1);
	otlp__export_profiles_service_request__free_unpacked(r, NULL);
	write_as("igprof", create(PW_CLOCK_GIL), &out);
	out.at[out.length] = 0;
	assert_string_equal((char *)out.at,
			    "P=(ID=0 N=(python) T=0.000000001)\n"
			    "C1 FN0=(F0=(gap:)+0 N=([no stack]))+0 V0=(PERF_TICKS):(0,0,0)\n");
}

static void test_refused(void **state)
{
	static struct bytes out = {.refuse = true};
	static const char *const formats[] = {"pprof", "otlp", "igprof"};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct pw_profile *profile = create_hostile();
		struct pw_error *error = pw_profile_write(profile, formats[i], put, &out);
		assert_non_null(error);
		assert_int_equal(pw_error_code(error), PW_ERROR_IO);
		pw_error_destroy(error);
		pw_profile_destroy(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pprof),	cmocka_unit_test(test_otlp),
		cmocka_unit_test(test_igprof),	cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
