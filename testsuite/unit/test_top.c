/* What pywalk top shows: sums since the start and of the window, bounded memory, details, text that
 * fits. */
#include "cli/top.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000000 };

static struct pw_profile *create(void)
{
	const struct pw_profile_info info = {.engine = "peek"};
	struct pw_profile *profile;
	assert_null(pw_profile_create(&info, &profile));
	return profile;
}

/* A sample of thread `tid` in a stack: a character a function, oldest first; its line is its place.
 */
static void sample(struct pw_profile *profile, uint64_t tid, const char *names, uint64_t weight,
		   uint32_t flags)
{
	const struct pw_profile_process process = {.pid = 12};
	struct pw_profile_thread thread = {.tid = tid};
	struct pw_profile_sample sample = {.weight = weight, .flags = flags};
	assert_null(pw_profile_add_process(profile, &process, &thread.process));
	assert_null(pw_profile_add_thread(profile, &thread, &sample.thread));
	for (int i = 0; names[i]; i++) {
		const char name[] = {names[i], 0};
		const struct pw_profile_function function = {.name = name};
		struct pw_profile_frame frame = {.line = i + 1};
		struct pw_profile_node node = {.parent = sample.node};
		assert_null(pw_profile_add_function(profile, &function, &frame.function));
		assert_null(pw_profile_add_frame(profile, &frame, &node.frame));
		assert_null(pw_profile_add_node(profile, &node, &sample.node));
	}
	assert_null(pw_profile_add_sample(profile, &sample));
}

static void take(struct top_model *model, struct pw_profile *profile, uint64_t weight)
{
	assert_true(top_model_take(model, profile, weight));
	pw_profile_forget(profile);
}

/* The rows as "TEXT:OWN/TOTAL/GIL" in ms. */
static const char *text_of(const struct top_table *table)
{
	static char text[4096];
	size_t at = 0;
	text[0] = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct top_row *row = &table->rows[i];
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s:%u/%u/%u", i ? " " : "",
				       row->text, (unsigned)(row->own / MS),
				       (unsigned)(row->total / MS), (unsigned)(row->gil / MS));
	}
	return text;
}

static void assert_table(const struct top_model *model, struct top_query query,
			 const char *expected)
{
	struct top_table table;
	assert_true(top_table(model, &query, &table));
	assert_string_equal(text_of(&table), expected);
	top_table_deinit(&table);
}

static void test_sums(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	assert_true(top_model_init(&model, 1000 * (uint64_t)MS, 0));
	assert_table(&model, (struct top_query){0}, "");
	sample(profile, 1, "abc", 10 * MS, PW_SAMPLE_RUNNING | PW_SAMPLE_GIL);
	sample(profile, 2, "ab", 10 * MS, 0);
	take(&model, profile, 10 * MS);
	/* Recursion counts once. */
	sample(profile, 1, "aba", 10 * MS, PW_SAMPLE_RUNNING);
	sample(profile, 2, "", 10 * MS, 0);
	take(&model, profile, 10 * MS);
	assert_table(&model, (struct top_query){0},
		     "a:10/30/10 b:10/30/10 (no stack):10/10/0 c:10/10/10");
	assert_table(&model, (struct top_query){.sort = TOP_SORT_TOTAL},
		     "a:10/30/10 b:10/30/10 (no stack):10/10/0 c:10/10/10");
	assert_table(&model, (struct top_query){.sort = TOP_SORT_NAME, .reverse = true},
		     "c:10/10/10 b:10/30/10 a:10/30/10 (no stack):10/10/0");
	assert_table(&model, (struct top_query){.flags = PW_SAMPLE_GIL},
		     "c:10/10/10 a:0/10/10 b:0/10/10");
	/* Of threads: the time in which they ran, all of it, and with the GIL. */
	assert_table(&model, (struct top_query){.by = TOP_BY_THREAD}, "1 ?:20/20/10 2 ?:0/20/0");
	top_model_reset(&model);
	assert_table(&model, (struct top_query){.since_start = true}, "");
	sample(profile, 1, "c", 10 * MS, 0);
	take(&model, profile, 10 * MS);
	assert_table(&model, (struct top_query){.since_start = true}, "c:10/10/0");
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

static void test_lines(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	assert_true(top_model_init(&model, 1000 * (uint64_t)MS, 0));
	sample(profile, 1, "aa", 10 * MS, 0);
	take(&model, profile, 10 * MS);
	struct top_table table;
	assert_true(top_table(&model, &(struct top_query){.by = TOP_BY_LINE}, &table));
	assert_int_equal(table.count, 2);
	assert_int_equal(table.elapsed, 10 * MS);
	top_table_deinit(&table);
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

static void test_window(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	assert_true(top_model_init(&model, 100 * MS, 0));
	for (int i = 0; i < 1000; i++) {
		sample(profile, 1, i < 500 ? "a" : "b", MS, 0);
		take(&model, profile, MS);
		/* 20 slices of 5 ms, the current one not full. */
		assert_in_range(model.window, i < 99 ? (i + 1) * MS : 95 * MS, 100 * MS);
		assert_int_equal(model.window_looks, model.window / MS);
		uint64_t sum = 0;
		for (size_t j = 0; j < model.count; j++)
			sum += model.cells[j].window.time;
		assert_int_equal(sum, model.window);
	}
	assert_int_equal(model.count, 2);
	assert_table(&model, (struct top_query){0}, "b:100/100/0");
	assert_table(&model, (struct top_query){.since_start = true}, "a:500/500/0 b:500/500/0");
	/* Time in which nothing is seen pushes out what was. */
	for (int i = 0; i < 200; i++)
		take(&model, profile, MS);
	assert_table(&model, (struct top_query){0}, "");
	assert_in_range(model.window, 95 * MS, 100 * MS);
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

/* Ever new stacks, a hundred times as many as are kept, and one that stays. */
static void test_bounded(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	assert_true(top_model_init(&model, 100 * MS, 400));
	for (int i = 0; i < 40000; i++) {
		char names[5] = "!";
		for (int j = 0, n = i; j < 3; j++, n /= 40)
			names[1 + j] = (char)('A' + n % 40);
		sample(profile, 1, i % 2 ? names : "z", MS, PW_SAMPLE_GIL);
		take(&model, profile, MS);
		if (!top_model_is_full(&model))
			continue;
		struct pw_profile *next = create();
		assert_true(top_model_move(&model, next));
		pw_profile_destroy(profile);
		profile = next;
		assert_false(top_model_is_full(&model));
	}
	assert_true(model.moves > 10);
	assert_in_range(model.count, 2, 400);
	assert_int_equal(model.all, 40000 * (uint64_t)MS);
	uint64_t sum = 0, window = 0;
	int seen = 0;
	for (size_t j = 0; j < model.count; j++) {
		sum += model.cells[j].all.time;
		window += model.cells[j].window.time;
	}
	/* Nothing got lost. */
	assert_int_equal(sum, model.all);
	assert_int_equal(window, model.window);
	struct top_table table;
	assert_true(top_table(&model, &(struct top_query){.since_start = true}, &table));
	for (size_t i = 0; i < table.count; i++) {
		const char *text = table.rows[i].text;
		bool old = strcmp(text, "!") == 0 || strcmp(text, "z") == 0;
		/* What has been forgotten does not change what its callers have. */
		if (old)
			assert_int_equal(table.rows[i].total, 20000 * (uint64_t)MS);
		if (strcmp(text, "!") == 0)
			assert_int_equal(table.rows[i].own, 0);
		seen += old || strcmp(text, "(rare, long ago)") == 0;
	}
	assert_int_equal(seen, 3);
	assert_int_equal(table.gil, model.all);
	top_table_deinit(&table);
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

static void test_detail(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	struct top_detail detail;
	char name[] = "f";
	const struct top_function f = {.name = name};
	assert_true(top_model_init(&model, 1000 * (uint64_t)MS, 0));
	sample(profile, 1, "mf", 10 * MS, 0);
	sample(profile, 1, "mfg", 20 * MS, PW_SAMPLE_GIL);
	/* Recursion: called by the oldest's caller, calling what the newest calls. */
	sample(profile, 1, "nfhfi", 40 * MS, 0);
	sample(profile, 1, "f", 80 * MS, 0);
	sample(profile, 1, "m", 160 * MS, 0);
	take(&model, profile, 10 * MS);
	const struct top_query query = {0};
	assert_true(top_detail(&model, &query, &f, &detail));
	assert_int_equal(detail.row.own, 90 * MS);
	assert_int_equal(detail.row.total, 150 * MS);
	assert_int_equal(detail.row.gil, 20 * MS);
	assert_string_equal(text_of(&detail.callers),
			    "(nobody: its thread begins here):0/80/0 n:0/40/0 m:0/30/0");
	assert_string_equal(text_of(&detail.callees), "(itself):0/90/0 i:0/40/0 g:0/20/0");
	/* Lines 1, 2 and 4. */
	assert_string_equal(text_of(&detail.lines), "f:80/80/0 f:10/70/0 f:0/40/0");
	top_detail_deinit(&detail);
	name[0] = 'x';
	assert_true(top_detail(&model, &query, &f, &detail));
	assert_int_equal(detail.row.index, TOP_NONE);
	assert_int_equal(detail.callers.count, 0);
	top_detail_deinit(&detail);
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

static void assert_fits(const char *text, unsigned columns, bool wide, const wchar_t *expected)
{
	wchar_t got[TOP_ROOM(100)];
	unsigned used = top_fit(text, columns, wide, got);
	if (wcscmp(got, expected) != 0)
		fail_msg("\"%s\" in %u columns: \"%ls\"", text, columns, got);
	assert_true(used <= columns);
	int width = wcswidth(got, wcslen(got));
	assert_int_equal(used, width);
}

static void test_text(void **state)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_fits("", 0, true, L"");
	assert_fits("abc", 0, true, L"");
	assert_fits("abc", 1, true, L"\u2026");
	assert_fits("abc", 2, true, L"a\u2026");
	assert_fits("abc", 3, true, L"abc");
	assert_fits("abc", 2, false, L"..");
	assert_fits("abcde", 4, false, L"a...");
	/* Wide characters are not cut in half. */
	assert_fits("\u4e2d\u6587\u4e2d", 6, true, L"\u4e2d\u6587\u4e2d");
	assert_fits("\u4e2d\u6587\u4e2d", 5, true, L"\u4e2d\u6587\u2026");
	assert_fits("\u4e2d\u6587\u4e2d", 4, true, L"\u4e2d\u2026");
	assert_fits("\u4e2d\u6587\u4e2d", 1, true, L"\u2026");
	assert_fits("\u4e2d", 10, false, L"\\u4e2d");
	assert_fits("\u4e2d", 5, false, L"...");
	/* What steers, has no width, or is no UTF-8. */
	assert_fits("a\x1b[m\x7f\n", 20, true, L"a\\x1b[m\\x7f\\x0a");
	assert_fits("\xc2\x9b", 20, true, L"\\x9b");
	assert_fits("e\u0301\u200b", 20, true, L"e\\u0301\\u200b");
	assert_fits("\xff\xe4\xb8", 20, true, L"\\xff\\xe4\\xb8");
	assert_fits("\xed\xa0\x80", 20, true, L"\\xed\\xa0\\x80");
	assert_fits("\xc0\xaf\xf4\x90\x80\x80", 40, true, L"\\xc0\\xaf\\xf4\\x90\\x80\\x80");
	assert_fits("\xf0\x9f\x98\x80", 20, true, L"\U0001f600");
}

static void keys(struct top_view *view, const struct top_model *model, const char *typed)
{
	for (; *typed; typed++)
		top_view_key(view, model, *typed == '\r' ? TOP_KEY_ENTER : *typed);
}

static void test_view(void **state)
{
	struct top_model model;
	struct top_view view;
	assert_true(top_model_init(&model, 1000, 0));
	top_view_init(&view, PW_CLOCK_CPU, true);
	assert_int_equal(top_view_key(&view, &model, 'q'), TOP_QUIT);
	assert_int_equal(top_view_key(&view, &model, ' '), TOP_PAUSE);
	assert_int_equal(top_view_key(&view, &model, 'z'), TOP_RESET);
	/* In a filter, they are letters. */
	keys(&view, &model, "/qz");
	top_view_key(&view, &model, 0x4e2d);
	top_view_key(&view, &model, 0x1f600);
	assert_string_equal(view.typed, "qz\u4e2d\U0001f600");
	top_view_key(&view, &model, TOP_KEY_BACKSPACE);
	assert_string_equal(view.typed, "qz\u4e2d");
	keys(&view, &model, "\r");
	assert_non_null(view.query.filter);
	assert_string_equal(view.pattern, "qz\u4e2d");
	for (int i = 0; i < 1000; i++)
		keys(&view, &model, i ? "x" : "/");
	assert_true(strlen(view.typed) < TOP_FILTER_MAX);
	keys(&view, &model, "\x15[\r");
	assert_true(view.typing && view.notice[0]);
	assert_string_equal(view.pattern, "qz\u4e2d");
	top_view_key(&view, &model, TOP_KEY_ESCAPE);
	top_view_key(&view, &model, TOP_KEY_ESCAPE);
	assert_null(view.query.filter);
	/* What is not sampled cannot be shown. */
	keys(&view, &model, "l");
	assert_int_equal(view.query.by, TOP_BY_FUNCTION);
	assert_true(view.notice[0]);
	keys(&view, &model, "i");
	assert_int_equal(view.query.flags, 0);
	keys(&view, &model, "g");
	assert_int_equal(view.query.flags, PW_SAMPLE_GIL);
	top_view_key(&view, &model, TOP_KEY_TAB);
	assert_int_equal(view.query.by, TOP_BY_THREAD);
	/* Nothing has been seen: there is nothing to select, nor to open. */
	top_view_scroll(&view, 0, 10);
	top_view_key(&view, &model, TOP_KEY_END);
	top_view_key(&view, &model, TOP_KEY_PAGE_DOWN);
	keys(&view, &model, "\r");
	assert_int_equal(view.selected, 0);
	assert_false(view.detail);
	top_view_scroll(&view, 100, 10);
	top_view_key(&view, &model, TOP_KEY_END);
	top_view_scroll(&view, 100, 10);
	assert_int_equal(view.selected, 99);
	assert_int_equal(view.first, 90);
	top_view_scroll(&view, 5, 10);
	assert_int_equal(view.selected, 4);
	assert_int_equal(view.first, 0);
	top_view_deinit(&view);
	top_model_deinit(&model);
}

/* Every size of a screen gets as many lines as it has. */
static void test_draw(void **state)
{
	struct pw_profile *profile = create();
	struct top_model model;
	const struct top_status status = {.target = "x", .message = ""};
	assert_true(top_model_init(&model, 1000 * (uint64_t)MS, 0));
	for (int with = 0; with < 2; with++) {
		for (unsigned rows = 5; rows < 30; rows++) {
			struct top_view view;
			struct top_lines lines;
			top_view_init(&view, PW_CLOCK_WALL, false);
			static const char *const typed[] = {"", "t", "?", "/x", "\r", "l\r", "t\r"};
			for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
				keys(&view, &model, typed[i]);
				assert_true(top_draw(&view, &model, &status, rows, 80, &lines));
				assert_int_equal(lines.count, rows);
				top_lines_deinit(&lines);
			}
			top_view_deinit(&view);
		}
		sample(profile, 1, "abcdefghijklmnop", 10 * MS, 0);
		take(&model, profile, 10 * MS);
	}
	top_model_deinit(&model);
	pw_profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),   cmocka_unit_test(test_lines),
		cmocka_unit_test(test_window), cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_detail), cmocka_unit_test(test_text),
		cmocka_unit_test(test_view),   cmocka_unit_test(test_draw),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
