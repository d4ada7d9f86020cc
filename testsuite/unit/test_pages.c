/*
 * Which pages of a stack are copied, and which ones are expected of the next pause.
 */
#include "stack/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE = 4096 };

static void check(const struct pw_page_hints *hints, const char *expected)
{
	char have[256] = "";
	for (size_t i = 0; i < hints->count; i++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%d:%u", i ? " " : "",
			 (int)(hints->pages[i] / PAGE), hints->unread[i]);
	assert_string_equal(have, expected);
}

static void note(struct pw_page_hints *hints, const char *numbers)
{
	uint64_t pages[64];
	size_t count = 0;
	for (const char *c = numbers; *c; c += strspn(c, " ")) {
		pages[count++] = strtoull(c, (char **)&c, 10) * PAGE;
	}
	pw_page_hints_note(hints, pages, count);
}

static void test_hints(void **state)
{
	struct pw_page_hints hints = {0};
	note(&hints, "");
	check(&hints, "");
	note(&hints, "3 7");
	check(&hints, "3:0 7:0");
	note(&hints, "1 7 9");
	check(&hints, "1:0 3:1 7:0 9:0");
	note(&hints, "3");
	check(&hints, "1:1 3:0 7:1 9:1");
	for (int i = 0; i < 7; i++)
		note(&hints, "9");
	check(&hints, "1:8 3:7 7:8 9:0");
	note(&hints, "9");
	check(&hints, "3:8 9:0");
	note(&hints, "");
	check(&hints, "9:1");
}

/* There are more than are kept: some are, each once, in order. */
static void test_many_hints(void **state)
{
	struct pw_page_hints hints = {0};
	uint64_t pages[PW_HINTS_MAX + 10];
	for (size_t i = 0; i < PW_HINTS_MAX + 10; i++)
		pages[i] = (i + 1) * PAGE;
	for (int round = 0; round < 3; round++) {
		pw_page_hints_note(&hints, pages, PW_HINTS_MAX + 10);
		assert_int_equal(hints.count, PW_HINTS_MAX);
		for (size_t i = 1; i < hints.count; i++)
			assert_true(hints.pages[i - 1] < hints.pages[i]);
	}
}

static void test_sort(void **state)
{
	uint64_t pages[] = {5, 1, 5, 3, 1};
	const uint64_t sorted[] = {1, 3, 5};
	assert_int_equal(pw_sort_pages(pages, 5), 3);
	assert_memory_equal(pages, sorted, sizeof(sorted));
	assert_int_equal(pw_sort_pages(pages, 0), 0);
	assert_int_equal(pw_page_of(0x12fff), 0x12000);
}

/* A stack of [0x10000, end), which a thread pointer within it bounds. */
static void check_stack(uint64_t sp, uint64_t thread_pointer, const char *all, const char *ends)
{
	struct pw_mapping mapping = {.start = 0x10000, .end = 0x30000, .writable = true};
	struct pw_target target = {.mappings = &mapping, .mapping_count = 1};
	struct pw_regs regs = {.sp = sp, .thread_pointer = thread_pointer};
	uint64_t pages[64], few[PW_STACK_ENDS];
	char have[512] = "";
	size_t count = pw_stack_pages(&target, &regs, pages, 64);
	for (size_t i = 0; i < count; i++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%x ",
			 (unsigned)(pages[i] / PAGE));
	assert_string_equal(have, all);
	have[0] = 0;
	count = pw_stack_ends(&target, &regs, few);
	count = pw_sort_pages(few, count);
	for (size_t i = 0; i < count; i++)
		snprintf(have + strlen(have), sizeof(have) - strlen(have), "%x ",
			 (unsigned)(few[i] / PAGE));
	assert_string_equal(have, ends);
	assert_int_equal(pw_stack_pages(&target, &regs, pages, 1), count > 0);
}

static void test_stack(void **state)
{
	check_stack(0x2fff8, 0, "2f ", "2f ");
	check_stack(0x2eff8, 0, "2e 2f ", "2e 2f ");
	check_stack(0x2d008, 0, "2d 2e 2f ", "2d 2e 2f ");
	check_stack(0x2a008, 0, "2a 2b 2c 2d 2e 2f ", "2a 2b 2e 2f ");
	/* Behind the thread's own block is no stack. */
	check_stack(0x2a008, 0x2b700, "2a 2b ", "2a 2b ");
	/* Not of a stack that is mapped. */
	check_stack(0x40000, 0, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_many_hints),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_stack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
