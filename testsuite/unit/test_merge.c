/* Merging by hand-made stacks: what must be proved, what must not be. */
#include "stack/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Writes the merged list as text: "p0a" Python frame 0 proved by address, "n2" native frame 2. */
static const char *merged(const struct pw_merge_native *natives, size_t n,
			  const struct pw_merge_python *pythons, size_t p)
{
	static char text[512];
	static const char letters[] = {[PW_PROOF_ABSENT] = '-',
				       [PW_PROOF_ADDRESS] = 'a',
				       [PW_PROOF_POINTER] = 'p',
				       [PW_PROOF_ORDER] = 'o',
				       [PW_PROOF_NONE] = '?'};
	struct pw_merge_item items[64];
	char *to = text;
	assert_true(n + p <= COUNT(items));
	assert_true(pw_merge(natives, n, pythons, p, items));
	*to = 0;
	for (size_t i = 0; i < n + p; i++) {
		if (items[i].kind == PW_FRAME_NATIVE)
			to += sprintf(to, "%sn%zu", i ? " " : "", items[i].index);
		else
			to += sprintf(to, "%sp%zu%c", i ? " " : "", items[i].index,
				      letters[items[i].proof]);
	}
	return text;
}

static void test_nothing(void **state)
{
	assert_string_equal(merged(NULL, 0, NULL, 0), "");
}

static void test_native_only(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x120},
					    {.sp = 0x120, .cfa = 0x180}};
	assert_string_equal(merged(natives, 2, NULL, 0), "n0 n1");
}

static void test_python_only(void **state)
{
	struct pw_merge_python pythons[] = {{.anchor = 0x110}, {.anchor = 0x110, .entry = true}};
	assert_string_equal(merged(NULL, 0, pythons, 2), "p0? p1?");
}

static void test_groups_by_address(void **state)
{
	struct pw_merge_native natives[] = {
		{.sp = 0x100, .cfa = 0x120}, {.sp = 0x120, .cfa = 0x200},
		{.sp = 0x200, .cfa = 0x220}, {.sp = 0x220, .cfa = 0x300},
		{.sp = 0x300, .cfa = 0x310},
	};
	struct pw_merge_python pythons[] = {
		{.anchor = 0x180},
		{.anchor = 0x180, .entry = true},
		{.anchor = 0x220, .entry = true}, /* the first byte belongs to the frame */
	};
	assert_string_equal(merged(natives, 5, pythons, 3), "n0 p0a p1a n1 n2 p2a n3 n4");
}

static void test_cfa_is_outside(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x200},
					    {.sp = 0x200, .cfa = 0x300}};
	struct pw_merge_python pythons[] = {{.anchor = 0x200, .entry = true}};
	assert_string_equal(merged(natives, 2, pythons, 1), "n0 p0a n1");
}

/* Two groups claim one C frame: the second is not proved by it. */
static void test_one_group_per_frame(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x200},
					    {.sp = 0x200, .cfa = 0x300}};
	struct pw_merge_python pythons[] = {{.anchor = 0x110, .entry = true},
					    {.anchor = 0x120, .entry = true}};
	assert_string_equal(merged(natives, 2, pythons, 2), "p0a n0 p1? n1");
}

/* The unwind broke before the evaluation frames: they go behind what is known, unproved. */
static void test_broken_unwind(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x200}, {.sp = 0x200, .cfa = 0}};
	struct pw_merge_python pythons[] = {{.anchor = 0x180, .entry = true},
					    {.anchor = 0x400, .entry = true}};
	assert_string_equal(merged(natives, 2, pythons, 2), "p0a n0 n1 p1?");
}

static void test_inlined_hosts_nothing(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x200, .inlined = true},
					    {.sp = 0x100, .cfa = 0x200}};
	struct pw_merge_python pythons[] = {{.anchor = 0x180, .entry = true}};
	assert_string_equal(merged(natives, 2, pythons, 1), "n0 p0a n1");
}

/* Two interpreters on one stack, given chain by chain, take turns by address. */
static void test_chains_by_address(void **state)
{
	struct pw_merge_native natives[] = {{.sp = 0x100, .cfa = 0x200},
					    {.sp = 0x200, .cfa = 0x300},
					    {.sp = 0x300, .cfa = 0x400},
					    {.sp = 0x400, .cfa = 0x500}};
	struct pw_merge_python pythons[] = {
		{.anchor = 0x110, .entry = true, .chain = 0},
		{.anchor = 0x310, .entry = true, .chain = 0},
		{.anchor = 0x210, .entry = true, .chain = 1},
		{.anchor = 0x410, .entry = true, .chain = 1},
	};
	assert_string_equal(merged(natives, 4, pythons, 4), "p0a n0 p2a n1 p1a n2 p3a n3");
}

static void test_pointers(void **state)
{
	const uint64_t newest[] = {1, 0xf0}, oldest[] = {0xf1};
	struct pw_merge_native natives[] = {
		{.sp = 1, .cfa = 2},
		{.sp = 2, .cfa = 3, .eval = true, .words = newest, .word_count = 2},
		{.sp = 3, .cfa = 4},
		{.sp = 4, .cfa = 5, .eval = true, .words = oldest, .word_count = 1},
	};
	struct pw_merge_python pythons[] = {{.pointer = 0xf0, .entry = true},
					    {.pointer = 0xf1, .entry = true}};
	assert_string_equal(merged(natives, 4, pythons, 2), "n0 p0p n1 n2 p1p n3");
	pythons[0].pointer = 0xee;
	assert_string_equal(merged(natives, 4, pythons, 2), "n0 p0o n1 n2 p1p n3");
}

/* More evaluation frames than Python frames: only a pointer pairs, order proves nothing. */
static void test_pointers_uneven(void **state)
{
	const uint64_t first[] = {0xf0}, third[] = {0xf1, 0xf0};
	struct pw_merge_native natives[] = {
		{.sp = 1, .cfa = 2, .eval = true},
		{.sp = 2, .cfa = 3, .eval = true, .words = first, .word_count = 1},
		{.sp = 3, .cfa = 4, .eval = true, .words = third, .word_count = 2},
	};
	struct pw_merge_python pythons[] = {{.pointer = 0xf0, .entry = true},
					    {.pointer = 0xf1, .entry = true}};
	assert_string_equal(merged(natives, 3, pythons, 2), "n0 p0p n1 p1p n2");
	pythons[1].pointer = 0xee;
	assert_string_equal(merged(natives, 3, pythons, 2), "n0 p0p n1 n2 p1?");
}

static void test_pointers_of_two_chains(void **state)
{
	const uint64_t a[] = {0xa0}, b[] = {0xb0}, c[] = {0xa1};
	struct pw_merge_native natives[] = {
		{.sp = 1, .cfa = 2, .eval = true, .words = a, .word_count = 1},
		{.sp = 2, .cfa = 3, .eval = true, .words = b, .word_count = 1},
		{.sp = 3, .cfa = 4, .eval = true, .words = c, .word_count = 1},
	};
	struct pw_merge_python pythons[] = {{.pointer = 0xa0, .entry = true, .chain = 0},
					    {.pointer = 0xa1, .entry = true, .chain = 0},
					    {.pointer = 0xb0, .entry = true, .chain = 1}};
	assert_string_equal(merged(natives, 3, pythons, 3), "p0p n0 p2p n1 p1p n2");
}

/* 3.10 while a frame is left: its anchor is gone, but the C frame still holds it. */
static void test_pointer_beside_addresses(void **state)
{
	const uint64_t words[] = {7, 0xf0};
	struct pw_merge_native natives[] = {
		{.sp = 0x100, .cfa = 0x200, .eval = true, .words = words, .word_count = 2},
		{.sp = 0x200, .cfa = 0x300},
		{.sp = 0x300, .cfa = 0x400, .eval = true, .words = words, .word_count = 2},
	};
	struct pw_merge_python pythons[] = {{.pointer = 0xf0, .entry = true},
					    {.anchor = 0x310, .entry = true}};
	assert_string_equal(merged(natives, 3, pythons, 2), "p0p n0 n1 p1a n2");
	pythons[0].pointer = 0xee;
	assert_string_equal(merged(natives, 3, pythons, 2), "n0 n1 p0? p1a n2");
}

/* Whatever comes in, every frame comes out once and native frames keep their order. */
static void test_nothing_is_lost(void **state)
{
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		struct pw_merge_native natives[20];
		struct pw_merge_python pythons[20];
		struct pw_merge_item items[40];
		bool seen_native[20] = {0}, seen_python[20] = {0};
		size_t n = (seed = seed * 1103515245 + 12345) >> 16 & 15;
		size_t p = (seed = seed * 1103515245 + 12345) >> 16 & 15;
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			natives[i] = (struct pw_merge_native){.sp = seed >> 16 & 255,
							      .cfa = seed >> 8 & 255,
							      .inlined = (seed >> 20 & 7) == 0,
							      .eval = seed >> 21 & 1};
		}
		for (size_t i = 0; i < p; i++) {
			seed = seed * 1103515245 + 12345;
			pythons[i] =
				(struct pw_merge_python){.anchor = seed >> 16 & 255,
							 .pointer = round & 1 ? seed >> 9 & 15 : 0,
							 .entry = seed >> 22 & 1,
							 .chain = (uint32_t)i / 5};
		}
		assert_true(pw_merge(natives, n, pythons, p, items));
		size_t last = 0;
		for (size_t i = 0; i < n + p; i++) {
			bool *seen = items[i].kind == PW_FRAME_NATIVE ? seen_native : seen_python;
			assert_false(seen[items[i].index]);
			seen[items[i].index] = true;
			if (items[i].kind == PW_FRAME_NATIVE) {
				assert_true(items[i].index >= last);
				last = items[i].index;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_native_only),
		cmocka_unit_test(test_python_only),
		cmocka_unit_test(test_groups_by_address),
		cmocka_unit_test(test_cfa_is_outside),
		cmocka_unit_test(test_one_group_per_frame),
		cmocka_unit_test(test_broken_unwind),
		cmocka_unit_test(test_inlined_hosts_nothing),
		cmocka_unit_test(test_chains_by_address),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_pointers_uneven),
		cmocka_unit_test(test_pointers_of_two_chains),
		cmocka_unit_test(test_pointer_beside_addresses),
		cmocka_unit_test(test_nothing_is_lost),
	};
	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
