/* The data in the page of the format "flamegraph", of profiles that make_profile does not make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "pywalk_report.h"

#include <jansson.h>

static bool put(void *data, const char *piece, size_t length)
{
	pw_buffer_append(data, piece, length);
	return true;
}

/* A function `name` in a file `file`, with these samples of one thread, all of it at one node. */
static struct pw_profile *profile_of(const char *name, const char *file,
				     enum pw_profile_clock clock,
				     const struct pw_profile_sample *samples, size_t count)
{
	const struct pw_profile_info info = {.engine = name, .clock = clock, .complete = true};
	const struct pw_profile_process process = {.pid = 1, .command = name};
	struct pw_profile_thread thread = {.tid = UINT64_MAX, .name = name};
	const struct pw_profile_function function = {.name = name, .file = file};
	struct pw_profile_frame frame = {0};
	struct pw_profile_node node = {0};
	struct pw_profile *profile;
	uint32_t index;
	assert_null(pw_profile_create(&info, &profile));
	assert_null(pw_profile_add_process(profile, &process, &thread.process));
	assert_null(pw_profile_add_thread(profile, &thread, &index));
	assert_null(pw_profile_add_function(profile, &function, &frame.function));
	assert_null(pw_profile_add_frame(profile, &frame, &node.frame));
	assert_null(pw_profile_add_node(profile, &node, &index));
	for (size_t i = 0; i < count; i++)
		assert_null(pw_profile_add_sample(profile, &samples[i]));
	return profile;
}

static json_t *data_in(const struct pw_buffer *page)
{
	static const char begin[] = "<script id=\"profile\" type=\"application/json\">";
	char *json = strstr(page->data, begin);
	assert_non_null(json);
	json += sizeof(begin) - 1;
	char *end = strstr(json, "</script>");
	assert_non_null(end);
	*end = 0;
	assert_null(strpbrk(json, "<>&'"));
	json_error_t error; /* as browsers read numbers */
	json_t *data = json_loads(json, JSON_DECODE_INT_AS_REAL, &error);
	if (!data)
		fail_msg("%s at %d", error.text, error.position);
	return data;
}

static json_t *data_of(const char *name, const char *file, const struct pw_profile_sample *samples,
		       size_t count)
{
	pw_auto_buffer struct pw_buffer page = {0};
	struct pw_profile *profile = profile_of(name, file, PW_CLOCK_WALL, samples, count);
	assert_null(pw_profile_write(profile, "flamegraph", put, &page));
	pw_profile_destroy(profile);
	return data_in(&page);
}

static long number(const json_t *data, const char *key)
{
	return (long)json_real_value(json_object_get(data, key));
}

/* The numbers of the first interval. */
static const json_t *first_interval(const json_t *data)
{
	return json_array_get(json_array_get(json_object_get(data, "samples"), 0), 1);
}

static long at(const json_t *list, size_t i)
{
	return (long)json_real_value(json_array_get(list, i));
}

static void test_samples_without_weight(void **state)
{
	const struct pw_profile_sample samples[] = {{.node = 1}, {.node = 0}, {.node = 1}};
	json_t *data = data_of("f", NULL, samples, 3);
	const json_t *list = first_interval(data);
	const long wanted[] = {0, 2, 0, 1, 1, 2};
	assert_int_equal(number(data, "unit"), 0);
	assert_int_equal(json_array_size(list), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(at(list, i), wanted[i]);
	json_decref(data);
}

static void test_unit_is_what_all_weights_share(void **state)
{
	const struct pw_profile_sample samples[] = {
		{.node = 1, .weight = 3000}, {.node = 1, .weight = 0}, {.node = 1, .weight = 4500}};
	json_t *data = data_of("f", NULL, samples, 3);
	assert_int_equal(number(data, "unit"), 1500);
	assert_int_equal(at(first_interval(data), 3), 5);
	json_decref(data);
}

static void test_times_to_the_end(void **state)
{
	const struct pw_profile_sample samples[] = {
		{.node = 1, .weight = 1},
		{.node = 1, .weight = 1, .time = 1},
		{.node = 1, .weight = 1, .time = UINT64_MAX - 1},
		{.node = 1,
		 .weight = 1,
		 .time = UINT64_MAX,
		 .flags = PW_SAMPLE_RUNNING | PW_SAMPLE_GIL},
	};
	json_t *data = data_of("f", NULL, samples, 4);
	const json_t *list = json_object_get(data, "samples");
	assert_int_equal(number(data, "intervals"), 2);
	assert_int_equal(json_array_size(list), 2);
	const json_t *last = json_array_get(list, 1);
	assert_int_equal(at(last, 0), 1);
	assert_int_equal(at(json_array_get(last, 1), 4), 3);
	json_decref(data);
}

static void test_names_that_are_no_text(void **state)
{
	static const char name[] = "\xe2<script>\"\\ \x01\x7f\xed\xa0\x80&'</script><!--";
	const struct pw_profile_sample sample = {.node = 1, .weight = 1};
	json_t *data = data_of(name, name, &sample, 1);
	const json_t *function = json_array_get(json_object_get(data, "functions"), 0);
	const char *said = json_string_value(json_array_get(function, 1));
	assert_non_null(said);
	assert_non_null(strstr(said, "\\xe2<script>\"\\ \x01\x7f"));
	assert_non_null(strstr(said, "&'</script><!--"));
	const json_t *files = json_object_get(data, "files");
	assert_int_equal(at(function, 2), 1);
	assert_string_equal(json_string_value(json_array_get(files, 1)), said);
	json_decref(data);
}

/* When one side has no weights, both are compared by the number of their samples. */
static void test_difference(void **state)
{
	const struct pw_profile_sample weighed[] = {{.node = 1, .weight = 30},
						    {.node = 1, .weight = 30},
						    {.node = 0, .weight = 15}},
				       bare[] = {{.node = 1}, {.node = 1}};
	static const char *const names[] = {"</a>", "b"};
	struct pw_profile *before = profile_of("f", "/x/f.py", PW_CLOCK_CPU, weighed, 3),
			  *after[] = {profile_of("f", "/y/f.py", PW_CLOCK_CPU, weighed, 3),
				      profile_of("f", "/y/f.py", PW_CLOCK_CPU, bare, 2)};
	for (int by_samples = 0; by_samples < 2; by_samples++) {
		pw_auto_buffer struct pw_buffer page = {0};
		assert_null(pw_profile_write_difference_graph(before, after[by_samples], names,
							      false, put, &page));
		json_t *data = data_in(&page);
		const json_t *difference = json_object_get(data, "difference");
		assert_int_equal(json_is_true(json_object_get(difference, "bySamples")),
				 by_samples);
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(difference, "names"), 0)),
			"</a>");
		assert_int_equal(at(json_object_get(difference, "counts"), 1), by_samples ? 2 : 3);
		assert_int_equal(number(data, "intervals"), 2);
		/* The same function, wherever it was installed. */
		assert_int_equal(json_array_size(json_object_get(data, "functions")), 1);
		/* Thread and state, two nodes: none with 1 or 15, the other with 2 or 60. */
		const long wanted[] = {0, 2, 0, 1, 1, by_samples ? 2 : 4};
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(at(first_interval(data), i), wanted[i]);
		assert_int_equal(number(data, "unit"), by_samples ? 1 : 15);
		json_decref(data);
	}
	struct pw_profile *wall = profile_of("f", NULL, PW_CLOCK_WALL, bare, 2);
	pw_auto_buffer struct pw_buffer page = {0};
	struct pw_error *error =
		pw_profile_write_difference_graph(before, wall, names, false, put, &page);
	assert_int_equal(pw_error_code(error), PW_ERROR_USAGE);
	pw_error_destroy(error);
	pw_profile_destroy(wall);
	pw_profile_destroy(before);
	pw_profile_destroy(after[0]);
	pw_profile_destroy(after[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_without_weight),
		cmocka_unit_test(test_unit_is_what_all_weights_share),
		cmocka_unit_test(test_times_to_the_end),
		cmocka_unit_test(test_names_that_are_no_text),
		cmocka_unit_test(test_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
