/* Tables of profiles: the arithmetic, where it is easily wrong. */
#include "pywalk_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pw_profile *create(uint64_t start, enum pw_profile_clock clock)
{
	const struct pw_profile_info info = {.engine = "peek",
					     .clock = clock,
					     .start = start,
					     .duration = 100,
					     .rate_wished = 100,
					     .pauses = 2,
					     .pause_median = start % 7};
	struct pw_profile *profile;
	assert_null(pw_profile_create(&info, &profile));
	return profile;
}

/* A thread of process 12. */
static uint32_t add_thread(struct pw_profile *profile, uint64_t tid, const char *name)
{
	const struct pw_profile_process process = {.pid = 12};
	struct pw_profile_thread thread = {.tid = tid, .ns_tid = tid, .name = name};
	uint32_t index;
	assert_null(pw_profile_add_process(profile, &process, &thread.process));
	assert_null(pw_profile_add_thread(profile, &thread, &index));
	return index;
}

/* The node of a stack: a character a function, oldest first; capitals are native. */
static uint32_t stack(struct pw_profile *profile, const char *names)
{
	uint32_t at = 0;
	for (int i = 0; names[i]; i++) {
		const char name[] = {names[i], 0};
		bool native = names[i] >= 'A' && names[i] <= 'Z';
		const struct pw_profile_function function = {.kind = native ? PW_PROFILE_NATIVE
									    : PW_PROFILE_PYTHON,
							     .name = name,
							     .file = native	      ? NULL
								     : names[i] < 'm' ? "early.py"
										      : "late.py",
							     .module = native ? "lib.so" : NULL,
							     .first_line = names[i]};
		/* Lines differ by how deep it is: they are no other functions. */
		struct pw_profile_frame frame = {.line = i + 1};
		struct pw_profile_node node = {.parent = at};
		assert_null(pw_profile_add_function(profile, &function, &frame.function));
		assert_null(pw_profile_add_frame(profile, &frame, &node.frame));
		assert_null(pw_profile_add_node(profile, &node, &at));
	}
	return at;
}

static void add(struct pw_profile *profile, uint64_t time, uint32_t thread, const char *names,
		uint64_t weight)
{
	const struct pw_profile_sample sample = {.time = time,
						 .weight = weight,
						 .thread = thread,
						 .node = stack(profile, names),
						 .flags = time % 2 ? PW_SAMPLE_GIL : 0};
	assert_null(pw_profile_add_sample(profile, &sample));
}

static struct pw_report *report(const struct pw_profile *profile, enum pw_report_table table,
				enum pw_report_by by, const char *function)
{
	const struct pw_report_options options = {
		.size = sizeof(options), .table = table, .by = by, .function = function};
	struct pw_report *made;
	assert_null(pw_report_create(profile, &options, &made));
	return made;
}

/* The rows as "LEVEL NAME SELF/TOTAL" of samples, separated by blanks. */
static const char *rows(const struct pw_report *made)
{
	static char text[4096];
	size_t at = 0;
	text[0] = 0;
	for (size_t i = 0; i < pw_report_row_count(made); i++) {
		const struct pw_report_row *row = pw_report_row(made, i);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u%s:%u/%u", i ? " " : "",
				       row->level, row->name ? row->name : "-",
				       (unsigned)row->self.samples, (unsigned)row->total.samples);
	}
	return text;
}

static void assert_rows(const struct pw_profile *profile, enum pw_report_table table,
			const char *function, const char *expected)
{
	struct pw_report *made = report(profile, table, PW_REPORT_BY_FUNCTION, function);
	assert_string_equal(rows(made), expected);
	pw_report_destroy(made);
}

static void assert_error(struct pw_error *error, enum pw_error_code code, const char *part)
{
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), code);
	assert_non_null(strstr(pw_error_message(error), part));
	pw_error_destroy(error);
}

/* ---- tables ---- */

/* Direct, mutual, and with others in between: a stack counts once. */
static void test_recursion_counts_once(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	uint32_t t = add_thread(p, 5, "t");
	add(p, 0, t, "aaa", 1);
	add(p, 1, t, "abab", 1);
	add(p, 2, t, "baXa", 1);
	add(p, 3, t, "b", 1);
	assert_rows(p, PW_REPORT_CUMULATIVE, NULL, "0a:2/3 0b:2/3 0X:0/1");
	assert_rows(p, PW_REPORT_FLAT, NULL, "0a:2/3 0b:2/3");
	/* Of the outermost a: nobody twice, b once; of the innermost: twice itself, b once. */
	assert_rows(p, PW_REPORT_CALLERS, "a", "0a:2/3 1-:0/2 1b:0/1");
	assert_rows(p, PW_REPORT_CALLEES, "a", "0a:2/3 1b:0/1");
	assert_rows(p, PW_REPORT_CALLEES, "b", "0b:2/3 1a:0/1");
	assert_rows(p, PW_REPORT_TREE, NULL,
		    "0a:0/2 1a:0/1 2a:1/1 1b:0/1 2a:0/1 3b:1/1 0b:1/2 1a:0/1 2X:0/1 3a:1/1");
	pw_profile_destroy(p);
}

static unsigned pseudo_random(void)
{
	static uint32_t now = 7;
	now = now * 1664525 + 1013904223;
	return now >> 16;
}

static void random_profile(struct pw_profile *p, unsigned samples)
{
	uint32_t t = add_thread(p, 5, "t");
	for (unsigned i = 0; i < samples; i++) {
		char names[12] = "";
		for (unsigned j = pseudo_random() % 11; j-- > 0;)
			names[j] = "abcdXY"[pseudo_random() % 6];
		/* What was not set ends it: some have no stack at all. */
		add(p, i, t, names, pseudo_random() % 100);
	}
}

/* What callers bring is a function's total, what it takes itself and what it passes on as well. */
static void test_balance(void **state)
{
	for (int round = 0; round < 50; round++) {
		struct pw_profile *p = create(1, PW_CLOCK_WALL);
		random_profile(p, 300);
		for (int table = PW_REPORT_CALLERS; table <= PW_REPORT_CALLEES; table++) {
			struct pw_report *made =
				report(p, (enum pw_report_table)table, PW_REPORT_BY_FUNCTION, NULL);
			size_t count = pw_report_row_count(made);
			assert_true(count > 6);
			for (size_t i = 0; i < count;) {
				const struct pw_report_row *of = pw_report_row(made, i++);
				bool callees = table == PW_REPORT_CALLEES;
				uint64_t samples = callees ? of->self.samples : 0,
					 time = callees ? of->self.time : 0;
				for (; i < count && pw_report_row(made, i)->level; i++) {
					samples += pw_report_row(made, i)->total.samples;
					time += pw_report_row(made, i)->total.time;
				}
				assert_int_equal(samples, of->total.samples);
				assert_int_equal(time, of->total.time);
			}
			pw_report_destroy(made);
		}
		pw_profile_destroy(p);
	}
}

/* Selves add up to all there is; nothing has more than that. */
static void test_sums(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	random_profile(p, 2000);
	for (int by = PW_REPORT_BY_FUNCTION; by <= PW_REPORT_BY_PROCESS; by++) {
		struct pw_report *made =
			report(p, PW_REPORT_CUMULATIVE, (enum pw_report_by)by, NULL);
		uint64_t samples = 0, time = 0;
		for (size_t i = 0; i < pw_report_row_count(made); i++) {
			const struct pw_report_row *row = pw_report_row(made, i);
			samples += row->self.samples;
			time += row->self.time;
			assert_true(row->total.samples <= 2000);
			assert_true(row->self.time <= row->total.time);
		}
		assert_int_equal(samples, 2000);
		assert_int_equal(time, pw_report_total(made).time);
		pw_report_destroy(made);
	}
	pw_profile_destroy(p);
}

static void test_nothing(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	for (int table = PW_REPORT_FLAT; table <= PW_REPORT_TREE; table++) {
		struct pw_report *made =
			report(p, (enum pw_report_table)table, PW_REPORT_BY_FUNCTION, NULL);
		assert_int_equal(pw_report_row_count(made), 0);
		assert_int_equal(pw_report_left_out(made), 0);
		pw_report_destroy(made);
	}
	const struct pw_report_cost none = {0}, some = {3, 0}, all = {12, 0};
	assert_true(pw_report_share(none, none) == 0);
	/* Samples that stand for no time are shared by their number. */
	assert_true(pw_report_share(some, all) == 0.25);
	uint32_t t = add_thread(p, 5, NULL);
	add(p, 0, t, "", 0);
	assert_rows(p, PW_REPORT_FLAT, NULL, "0-:1/1");
	assert_rows(p, PW_REPORT_TREE, NULL, "0-:1/1");
	assert_rows(p, PW_REPORT_CALLERS, NULL, "");
	pw_profile_destroy(p);
}

/* Sums that are too large stay the largest there are. */
static void test_too_large(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	uint32_t t = add_thread(p, 5, NULL);
	add(p, 0, t, "ab", UINT64_MAX);
	add(p, 1, t, "a", UINT64_MAX);
	struct pw_report *made = report(p, PW_REPORT_CUMULATIVE, PW_REPORT_BY_FUNCTION, NULL);
	assert_int_equal(pw_report_row(made, 0)->total.time, UINT64_MAX);
	assert_true(pw_report_share(pw_report_row(made, 0)->total, pw_report_total(made)) == 1);
	pw_report_destroy(made);
	pw_profile_destroy(p);
}

static void test_wrong_options(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	struct pw_report *made;
	struct pw_report_options o = {.size = 1};
	assert_error(pw_report_create(p, &o, &made), PW_ERROR_USAGE, "bytes");
	o = (struct pw_report_options){.size = sizeof(o), .threshold = -1};
	assert_error(pw_report_create(p, &o, &made), PW_ERROR_USAGE, "threshold");
	o = (struct pw_report_options){.size = sizeof(o), .function = "a["};
	assert_error(pw_report_create(p, &o, &made), PW_ERROR_USAGE, "a[");
	o = (struct pw_report_options){.size = sizeof(o), .table = (enum pw_report_table)9};
	assert_error(pw_report_create(p, &o, &made), PW_ERROR_USAGE, "9");
	o.table = PW_REPORT_CALLERS;
	o.by = PW_REPORT_BY_THREAD;
	assert_error(pw_report_create(p, &o, &made), PW_ERROR_USAGE, "callers");
	pw_profile_destroy(p);
}

/* ---- choosing ---- */

static const char *fold_of(struct pw_profile *p, const char *const *folds, size_t count)
{
	static char text[4096];
	const struct pw_profile_filter filter = {.size = sizeof(filter), .fold = {folds, count}};
	struct pw_profile *folded;
	assert_null(pw_profile_filter(p, &filter, &folded));
	struct pw_report *made = report(folded, PW_REPORT_CUMULATIVE, PW_REPORT_BY_FUNCTION, NULL);
	strcpy(text, rows(made));
	pw_report_destroy(made);
	pw_profile_destroy(folded);
	return text;
}

static void test_fold(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL);
	uint32_t t = add_thread(p, 5, NULL);
	add(p, 0, t, "abc", 1);
	add(p, 1, t, "abz", 1);
	add(p, 2, t, "aX", 1);
	/* a and b are one now, and recursion of it counts once; X is of another kind. */
	assert_string_equal(fold_of(p, (const char *[]){"s/[ab]/n/"}, 1),
			    "0n:0/3 0c:1/1 0z:1/1 0X:1/1");
	assert_string_equal(fold_of(p, (const char *[]){"s/[czX]/n/"}, 1),
			    "0a:0/3 0b:0/2 0n:2/2 0n:1/1");
	assert_string_equal(fold_of(p, (const char *[]){"s,(.),<\\1&>,", "s/a+/\\//g"}, 2),
			    "0</>:0/3 0<bb>:0/2 0<cc>:1/1 0<zz>:1/1 0<XX>:1/1");
	/* Empty matches come to an end. */
	assert_string_equal(fold_of(p, (const char *[]){"s/x*/-/gi"}, 1),
			    "0-a-:0/3 0-b-:0/2 0-c-:1/1 0-z-:1/1 0-:1/1");
	pw_profile_destroy(p);
}

static void test_fold_forgets_what_differs(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL), *folded;
	const char *const fold = "s/[az]/n/";
	const struct pw_profile_filter filter = {.size = sizeof(filter), .fold = {&fold, 1}};
	add(p, 0, add_thread(p, 5, NULL), "az", 1); /* of two files */
	assert_null(pw_profile_filter(p, &filter, &folded));
	assert_int_equal(pw_profile_function_count(folded), 1);
	assert_null(pw_profile_function(folded, 0)->file);
	assert_int_equal(pw_profile_function(folded, 0)->first_line, 0);
	assert_int_equal(pw_profile_frame(folded, 0)->line, 0);
	pw_profile_destroy(folded);
	pw_profile_destroy(p);
}

static void test_filter(void **state)
{
	struct pw_profile *p = create(1, PW_CLOCK_WALL), *chosen;
	uint32_t t = add_thread(p, 5, "one"), u = add_thread(p, 6, "5");
	add(p, 0, t, "aXb", 1);
	add(p, 1, u, "aX", 1);
	add(p, 2, t, "XY", 1);
	struct pw_profile_filter f = {.size = sizeof(f), .python = true};
	assert_null(pw_profile_filter(p, &f, &chosen));
	assert_rows(chosen, PW_REPORT_TREE, NULL, "0-:1/1 0a:1/2 1b:1/1");
	assert_int_equal(pw_profile_function_count(chosen), 2);
	pw_profile_destroy(chosen);
	/* Thread 5, and the one that is called that. */
	const char *const thread = "5", *const other = "7";
	f = (struct pw_profile_filter){.size = sizeof(f), .threads = {&thread, 1}, .from = 1};
	assert_null(pw_profile_filter(p, &f, &chosen));
	assert_int_equal(pw_profile_sample_count(chosen), 2);
	assert_int_equal(pw_profile_sample(chosen, 0)->time, 1);
	pw_profile_destroy(chosen);
	f.to = 2;
	assert_null(pw_profile_filter(p, &f, &chosen));
	assert_int_equal(pw_profile_sample_count(chosen), 1);
	pw_profile_destroy(chosen);
	f.threads.items = &other;
	assert_error(pw_profile_filter(p, &f, &chosen), PW_ERROR_NO_TARGET, "5 (one)");
	f = (struct pw_profile_filter){.size = sizeof(f), .python = true, .native = true};
	assert_error(pw_profile_filter(p, &f, &chosen), PW_ERROR_USAGE, "one kind");
	pw_profile_destroy(p);
}

/* ---- merging and comparing ---- */

static char said[1000];

static void hear(void *data, const char *message)
{
	strncat(said, message, sizeof(said) - strlen(said) - 1);
}

static void test_merge(void **state)
{
	struct pw_profile *a = create(1000, PW_CLOCK_WALL), *b = create(1030, PW_CLOCK_WALL),
			  *c = create(1000, PW_CLOCK_CPU), *merged;
	const struct pw_profile *both[] = {b, a}, *clash[] = {a, c};
	const char *const names[] = {"first", "second"};
	add(a, 10, add_thread(a, 5, "t"), "ab", 1);
	add(a, 90, 0, "ab", 1);
	add(b, 20, add_thread(b, 6, "u"), "xab", 1);
	add(b, 70, add_thread(b, 5, "t"), "ab", 1);
	assert_null(pw_profile_merge(both, names, 2, hear, NULL, &merged));
	assert_string_equal(said, "");
	const uint64_t times[] = {10, 50, 90, 100}, tids[] = {5, 6, 5, 5};
	assert_int_equal(pw_profile_sample_count(merged), 4);
	for (size_t i = 0; i < 4; i++) {
		const struct pw_profile_sample *s = pw_profile_sample(merged, i);
		assert_int_equal(s->time, times[i]);
		assert_int_equal(pw_profile_thread(merged, s->thread)->tid, tids[i]);
	}
	assert_int_equal(pw_profile_thread_count(merged), 2);
	assert_int_equal(pw_profile_info(merged)->start, 1000);
	assert_int_equal(pw_profile_info(merged)->duration, 130);
	assert_int_equal(pw_profile_info(merged)->pauses, 4);
	assert_int_equal(pw_profile_info(merged)->pause_median, 6);
	assert_rows(merged, PW_REPORT_CUMULATIVE, NULL, "0a:0/4 0b:4/4 0x:0/1");
	pw_profile_destroy(merged);
	assert_error(pw_profile_merge(clash, names, 2, hear, NULL, &merged), PW_ERROR_USAGE,
		     "first and second cannot be added up: wall time and cpu time");
	struct pw_profile_info info = *pw_profile_info(b);
	info.rate_wished = 1000;
	assert_null(pw_profile_set_info(b, &info));
	assert_null(pw_profile_merge(both, names, 2, hear, NULL, &merged));
	assert_string_equal(said, "the rates of first and second differ: 1000 and 100 per second");
	pw_profile_destroy(merged);
	pw_profile_destroy(a);
	pw_profile_destroy(b);
	pw_profile_destroy(c);
}

static void test_compare(void **state)
{
	struct pw_profile *a = create(1, PW_CLOCK_WALL), *b = create(2, PW_CLOCK_WALL),
			  *c = create(2, PW_CLOCK_CPU);
	const struct pw_report_options o = {.size = sizeof(o)};
	struct pw_report *made;
	add(a, 0, add_thread(a, 5, NULL), "ab", 30);
	add(a, 1, 0, "ac", 10);
	add(b, 0, add_thread(b, 9, NULL), "ab", 100);
	add(b, 1, 0, "d", 100);
	assert_null(pw_report_compare(a, b, &o, &made));
	/* d came with a half, b lost a quarter, as c did, which is gone. */
	assert_string_equal(rows(made), "0d:1/1 0b:1/1 0c:0/0");
	const struct pw_report_row *row = pw_report_row(made, 1);
	assert_int_equal(row->self.time, 100);
	assert_int_equal(row->self_before.time, 30);
	assert_int_equal(row->total_before.samples, 1);
	assert_int_equal(pw_report_total_before(made).time, 40);
	pw_report_destroy(made);
	assert_error(pw_report_compare(a, c, &o, &made), PW_ERROR_USAGE, "wall time and cpu time");
	pw_profile_destroy(a);
	pw_profile_destroy(b);
	pw_profile_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recursion_counts_once),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_wrong_options),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_fold_forgets_what_differs),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_compare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
