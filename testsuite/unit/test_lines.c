/*
 * Line tables of four generations.  The tables are what the compilers of
 * CPython 2.7.18, 3.8.18, 3.10.13 and 3.12.1 made of one function (a list over two lines, 300 empty
 * lines, a loop); the lines are what the same interpreters' dis.findlinestarts(), co_lines() and
 * co_positions() said of them.
 */
#include "python/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct expect {
	int64_t offset;
	int line;
};

/* Spans follow each other, and none reaches over the begin of a line. */
static void check_spans(enum pw_line_table format, const uint8_t *table, size_t size,
			const struct expect *expected, size_t count, int64_t end)
{
	size_t i = 0;
	for (int64_t at = 0, next; at < end; at = next) {
		struct pw_location location = pw_lines_span(format, table, size, 1, at, &next);
		while (i + 1 < count && expected[i + 1].offset <= at)
			i++;
		assert_int_equal(location.line, expected[i].line);
		assert_true(next > at);
		assert_true(i + 1 == count || next <= expected[i + 1].offset);
	}
}

static void check(enum pw_line_table format, const uint8_t *table, size_t size,
		  const struct expect *expected, size_t count, int64_t end)
{
	for (size_t i = 0; i < count; i++) {
		int64_t stop = i + 1 < count ? expected[i + 1].offset : end;
		for (int64_t at = expected[i].offset; at < stop; at++) {
			struct pw_location location = pw_lines_find(format, table, size, 1, at);
			assert_int_equal(location.line, expected[i].line);
		}
	}
	assert_int_equal(pw_lines_find(format, table, size, 17, -1).line, 17);
	check_spans(format, table, size, expected, count, end);
}

static void test_lnotab_python2(void **state)
{
	static const uint8_t table[] = {0x00, 0x01, 0x03, 0x01, 0x0d, 0xff, 0x00, 0x2e,
					0x0d, 0x01, 0x03, 0x01, 0x0b, 0x01, 0x03, 0x01};
	static const struct expect expected[] = {{0, 2},    {3, 3},    {16, 304}, {29, 305},
						 {32, 306}, {43, 307}, {46, 308}};
	check(PW_LINES_LNOTAB_UNSIGNED, table, sizeof(table), expected, COUNT(expected), 60);
}

static void test_lnotab(void **state)
{
	static const uint8_t table[] = {0x00, 0x01, 0x02, 0x01, 0x06, 0xff, 0x04, 0x7f,
					0x00, 0x7f, 0x00, 0x30, 0x08, 0x01, 0x02, 0x01,
					0x02, 0xff, 0x06, 0x02, 0x02, 0x01, 0x02, 0xff};
	static const struct expect expected[] = {{0, 2},    {2, 3},    {8, 2},	  {12, 304},
						 {20, 305}, {22, 306}, {24, 305}, {30, 307},
						 {32, 308}, {34, 307}};
	check(PW_LINES_LNOTAB, table, sizeof(table), expected, COUNT(expected), 40);
}

static void test_linetable(void **state)
{
	static const uint8_t table[] = {0x02, 0x01, 0x06, 0x01, 0x04, 0xff, 0x00, 0x7f,
					0x00, 0x7f, 0x08, 0x30, 0x02, 0x01, 0x02, 0x01,
					0x06, 0xff, 0x02, 0x02, 0x02, 0x01, 0x04, 0xff};
	static const struct expect expected[] = {{0, 2},    {2, 3},    {8, 2},	  {12, 304},
						 {20, 305}, {22, 306}, {24, 305}, {30, 307},
						 {32, 308}, {34, 307}};
	check(PW_LINES_LINETABLE, table, sizeof(table), expected, COUNT(expected), 38);
	static const uint8_t no_line[] = {0x04, 0x80, 0x02, 0x05};
	assert_int_equal(pw_lines_find(PW_LINES_LINETABLE, no_line, 4, 9, 2).line, 0);
	assert_int_equal(pw_lines_find(PW_LINES_LINETABLE, no_line, 4, 9, 4).line, 14);
}

static const uint8_t locations[] = {
	0x80, 0x00, 0xd8, 0x09, 0x0a, 0xd8, 0x09, 0x0a, 0x88, 0x51, 0x89, 0x15, 0xf0, 0x03,
	0x01, 0x09, 0x10, 0x80, 0x41, 0xf0, 0x5c, 0x09, 0x00, 0x0e, 0x0f, 0xf2, 0x00, 0x02,
	0x05, 0x10, 0x88, 0x01, 0xd8, 0x0d, 0x0e, 0xd8, 0x0d, 0x0e, 0xf1, 0x03, 0x01, 0x0e,
	0x0f, 0x89, 0x01, 0xf0, 0x03, 0x02, 0x05, 0x10, 0xf0, 0x06, 0x00, 0x0d, 0x0e, 0xd8,
	0x0c, 0x0d, 0xf0, 0x03, 0x01, 0x0c, 0x0f, 0xf0, 0x00, 0x01, 0x05, 0x0f};

static void test_locations(void **state)
{
	static const struct {
		int64_t offset;
		struct pw_location at;
	} expected[] = {
		{0, {1, 1, 0, 0}},	  {2, {2, 2, 9, 10}},	    {4, {3, 3, 9, 10}},
		{6, {3, 3, 13, 14}},	  {8, {3, 3, 9, 14}},	    {12, {2, 3, 8, 15}},
		{14, {2, 2, 4, 5}},	  {16, {304, 304, 13, 14}}, {18, {304, 306, 4, 15}},
		{24, {304, 304, 8, 9}},	  {26, {305, 305, 13, 14}}, {28, {306, 306, 13, 14}},
		{30, {305, 306, 13, 14}}, {34, {305, 305, 8, 9}},   {38, {304, 306, 4, 15}},
		{40, {307, 307, 12, 13}}, {42, {308, 308, 12, 13}}, {44, {307, 308, 11, 14}},
		{46, {307, 308, 4, 14}},
	};
	for (size_t i = 0; i < COUNT(expected); i++) {
		struct pw_location at = pw_lines_find(PW_LINES_LOCATIONS, locations,
						      sizeof(locations), 1, expected[i].offset);
		assert_int_equal(at.line, expected[i].at.line);
		assert_int_equal(at.end_line, expected[i].at.end_line);
		assert_int_equal(at.column, expected[i].at.column);
		assert_int_equal(at.end_column, expected[i].at.end_column);
	}
	assert_int_equal(
		pw_lines_find(PW_LINES_LOCATIONS, locations, sizeof(locations), 17, -1).line, 17);
}

/* Tables cut anywhere, or made of noise, end and stay inside of their bytes. */
static void test_damaged(void **state)
{
	uint8_t copy[sizeof(locations)];
	unsigned seed = 7;
	for (size_t size = 0; size <= sizeof(locations); size++) {
		memcpy(copy, locations, size);
		for (int format = PW_LINES_LNOTAB_UNSIGNED; format <= PW_LINES_LOCATIONS; format++)
			pw_lines_find((enum pw_line_table)format, copy, size, 1, 1 << 20);
	}
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(copy); i++)
			copy[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
		for (int format = PW_LINES_LNOTAB_UNSIGNED; format <= PW_LINES_LOCATIONS;
		     format++) {
			struct pw_location at = pw_lines_find((enum pw_line_table)format, copy,
							      sizeof(copy), 1, seed % 400);
			assert_true(at.line >= 0);
		}
	}
	assert_int_equal(pw_lines_find(PW_LINES_LOCATIONS, NULL, 0, 1, 0).line, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lnotab_python2), cmocka_unit_test(test_lnotab),
		cmocka_unit_test(test_linetable),      cmocka_unit_test(test_locations),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
