/* Text from targets: what is escaped, and that nothing else is. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void check_units(const void *units, size_t count, unsigned width, bool utf16,
			const char *expected)
{
	pw_auto_buffer struct pw_buffer b = {0};
	pw_text_append_units(&b, units, count, width, utf16);
	assert_string_equal(b.data, expected);
}

static void test_units(void **state)
{
	const uint8_t latin1[] = {'a', 0xe9, 0};
	const uint16_t ucs2[] = {0x4e2d, 0xd800, 'z'}, pair[] = {0xd83d, 0xde00};
	const uint32_t ucs4[] = {0x1f600, 0x110000, 0xdc80};
	check_units(latin1, 3, 1, false, "a\xc3\xa9\\x00");
	check_units(ucs2, 3, 2, false, "\xe4\xb8\xad\\ud800z");
	check_units(pair, 2, 2, true, "\xf0\x9f\x98\x80");
	check_units(pair, 2, 2, false, "\\ud83d\\ude00");
	check_units(pair, 1, 2, true, "\\ud83d");
	check_units(ucs4, 3, 4, false, "\xf0\x9f\x98\x80\\U00110000\\udc80");
}

static void test_bytes(void **state)
{
	pw_auto_buffer struct pw_buffer b = {0};
	const char bytes[] = "ok \xc3\xa9 \xff \xc3 \xc0\x80 \xed\xa0\x80 \0.";
	pw_text_append_bytes(&b, bytes, sizeof(bytes) - 1);
	assert_string_equal(b.data, "ok \xc3\xa9 \\xff \\xc3 \\xc0\\x80 \\xed\\xa0\\x80 \\x00.");
}

static void test_printable(void **state)
{
	pw_auto_buffer struct pw_buffer b = {0};
	pw_text_append_printable(&b, "\x1b[31mred\n\x7f \xc2\x9b \xe2\x80\xae \xc3\xa9");
	assert_string_equal(b.data, "\\x1b[31mred\\x0a\\x7f \\x9b \\u202e \xc3\xa9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_printable),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
