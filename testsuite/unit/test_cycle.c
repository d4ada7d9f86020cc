/* Chains of every shape: with a tail of any length before a circle of any length, and without a
 * circle. */
#include "base/cycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The address at a position of a chain that enters its circle after `tail` steps. */
static uint64_t at(size_t position, size_t tail, size_t circle)
{
	return 0x1000 + 8 * (position < tail ? position : tail + (position - tail) % circle);
}

static void test_circles(void **state)
{
	for (size_t tail = 0; tail < 40; tail++) {
		for (size_t circle = 1; circle < 40; circle++) {
			struct pw_cycle c = {0};
			size_t position = 0;
			while (!pw_cycle_step(&c, at(position, tail, circle), position))
				assert_true(++position < 4 * (tail + circle) + 8);
			assert_true(position >= tail + circle);
			assert_int_equal(position - c.mark, circle);
		}
	}
}

static void test_no_circle(void **state)
{
	struct pw_cycle c = {0};
	for (size_t position = 0; position < 100000; position++)
		assert_false(pw_cycle_step(&c, 0x1000 + 8 * position, position));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_circles),
		cmocka_unit_test(test_no_circle),
	};
	return cmocka_run_group_tests_name("cycle", tests, NULL, NULL);
}
