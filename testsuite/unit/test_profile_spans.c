/* The format "chrome": how samples that are late, early, without weight or far apart become spans.
 */
#include "pywalk_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pw_profile *profile;
static uint32_t thread, nodes[4]; /* f; f, line 2; f calls g; g */

static uint32_t node(uint32_t parent, const char *name, int line)
{
	const struct pw_profile_function f = {.kind = PW_PROFILE_PYTHON, .name = name};
	struct pw_profile_frame frame = {.line = line};
	struct pw_profile_node n = {.parent = parent};
	uint32_t index;
	assert_null(pw_profile_add_function(profile, &f, &frame.function));
	assert_null(pw_profile_add_frame(profile, &frame, &n.frame));
	assert_null(pw_profile_add_node(profile, &n, &index));
	return index;
}

static int setup(void **state)
{
	const struct pw_profile_info info = {.engine = "ptrace"};
	const struct pw_profile_process p = {.pid = 1};
	struct pw_profile_thread t = {.tid = 1};
	assert_null(pw_profile_create(&info, &profile));
	assert_null(pw_profile_add_process(profile, &p, &t.process));
	assert_null(pw_profile_add_thread(profile, &t, &thread));
	nodes[0] = node(0, "f", 1);
	nodes[1] = node(0, "f", 2);
	nodes[2] = node(nodes[1], "g", 1);
	nodes[3] = node(0, "g", 1);
	return 0;
}

static int teardown(void **state)
{
	pw_profile_destroy(profile);
	return 0;
}

/* In microseconds. */
static void sample(uint64_t time, uint64_t weight, uint32_t at)
{
	const struct pw_profile_sample s = {
		.time = time * 1000, .weight = weight * 1000, .thread = thread, .node = at};
	assert_null(pw_profile_add_sample(profile, &s));
}

static bool collect(void *data, const char *piece, size_t length)
{
	return fwrite(piece, 1, length, data) == length;
}

/* The spans are these: "B0f B0g E10g E10f ...". */
static void expect(const char *wanted)
{
	char *text = NULL, found[1000] = "";
	size_t length, used = 0;
	FILE *stream = open_memstream(&text, &length);
	assert_non_null(stream);
	assert_null(pw_profile_write(profile, "chrome", collect, stream));
	fclose(stream);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char phase, name;
		double time;
		if (sscanf(line,
			   "{\"ph\": \"%c\", \"pid\": 1, \"tid\": 1, \"ts\": %lf, \"name\": "
			   "\"%c\"",
			   &phase, &time, &name) == 3)
			used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%c%.0f%c",
						 used ? " " : "", phase, time, name);
		assert_true(used < sizeof(found));
	}
	free(text);
	assert_string_equal(found, wanted);
}

static void in_a_row(void **state)
{
	sample(0, 10, nodes[0]);
	sample(10, 10, nodes[2]); /* another line of f, which is the same call */
	sample(20, 10, nodes[3]);
	expect("B0f B10g E20g E20f B20g E30g");
}

static void late_and_early(void **state)
{
	sample(0, 100, nodes[0]);
	sample(103, 100, nodes[0]);
	sample(199, 100, nodes[0]);
	sample(297, 100, nodes[3]);
	expect("B0f E300f B300g E400g");
}

static void far_apart(void **state)
{
	sample(5, 10, nodes[0]);
	sample(21, 10, nodes[0]);
	expect("B5f E15f B21f E31f");
}

static void nothing_to_show(void **state)
{
	sample(0, 10, 0);
	sample(12, 10, nodes[0]); /* nothing was shown: it begins where it is */
	sample(22, 0, nodes[3]);
	sample(22, 10, nodes[0]);
	sample(32, 10, 0);
	expect("B12f E32f");
}

static void too_large(void **state)
{
	const struct pw_profile_sample s = {
		.time = 1000, .weight = UINT64_MAX, .thread = thread, .node = nodes[0]};
	assert_null(pw_profile_add_sample(profile, &s));
	assert_null(pw_profile_add_sample(profile, &s));
	expect("B1f E18446744073709552f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(late_and_early, setup, teardown),
		cmocka_unit_test_setup_teardown(far_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_show, setup, teardown),
		cmocka_unit_test_setup_teardown(too_large, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
