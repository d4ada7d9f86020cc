/*
 * Demangling: names whose meaning the ABIs' specifications give, and names made to hurt.
 */
#include "binary/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *symbol, const char *expected)
{
	char *name = pw_demangle(symbol);

	if (!expected)
		assert_null(name);
	else if (!name || strcmp(name, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", symbol, name ? name : "(none)", expected);
	free(name);
}

static void test_c(void **state)
{
	static const char *const plain[] = {"",	   "_",	  "_R",	   "_Z",	  "main",
					    "_Z1", "Z1f", "_Zero", "_Py_Version", "_Rx"};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		check(plain[i], NULL);
}

static void test_cxx(void **state)
{
	check("_Z1fv", "f");
	check("_ZN2ns1fEi", "ns::f");
	check("_ZNSt6vectorIiSaIiEE9push_backEOi",
	      "std::vector<int, std::allocator<int> >::push_back");
	check("_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f");
	check("_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()");
	check("_ZN2ns1fEi.cold", "ns::f");
	check("_ZN3fooC2Ev", "foo::foo");
}

/* The names of RFC 2603 ("Rust symbol name mangling v0") and of rustc 1.63. */
static void test_rust(void **state)
{
	check("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	check("_ZN4core3fmt5write17h0123456789abcdefE.llvm.1234567890", "core::fmt::write");
	check("_ZN63_$LT$alloc..alloc..Global$u20$as$u20$core..alloc..Allocator$GT$10deallocate17h"
	      "e7082da81be4ecdaE",
	      "<alloc::alloc::Global as core::alloc::Allocator>::deallocate");
	check("_RNvC6_123foo3bar", "123foo::bar");
	check("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	check("_RNCNvC4main4main0", "main::main::{closure#0}");
	check("_RNvC4mainu8gdel_5qa", "main::g\xc3\xb6"
				      "del");
}

static void check_cut(const char *symbol)
{
	char *text = pw_demangle(symbol);

	assert_non_null(text);
	assert_true(strlen(text) >= PW_NAME_MAX && strlen(text) <= PW_NAME_MAX + 3);
	assert_string_equal(text + strlen(text) - 3, "...");
	free(text);
}

/* f<P<int, int>, P<P<int, int>, P<int, int> >, ...>: each argument is twice the one before. */
static void test_doubling_cxx(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024] = "_Z1fI1PIiiE", *end = name + strlen(name);

	for (int i = 1; i < 31; i++)
		end += sprintf(end, "S0_IS%c_S%c_E", digits[i], digits[i]);
	strcpy(end, "Evv");
	check_cut(name);
}

/* The same with tuples: B is followed by where the one before begins, in base 62. */
static void test_doubling_rust(void **state)
{
	static const char base62[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[1024] = "_RINvC1a1fTuuE", *end = name + strlen(name);
	size_t before = strlen("INvC1a1f");

	for (int i = 0; i < 30; i++) {
		size_t here = (size_t)(end - name) - strlen("_R"), value = before - 1;
		char to[4];
		if (value < 62)
			sprintf(to, "%c_", base62[value]);
		else
			sprintf(to, "%c%c_", base62[value / 62], base62[value % 62]);
		end += sprintf(end, "TB%sB%sE", to, to);
		before = here;
	}
	strcpy(end, "E");
	check_cut(name);
}

/* Nested deeper than any stack is. */
static void test_depth(void **state)
{
	static const char *const starts[] = {"_Z1f", "_RINvC1a1f", "_ZN", "_RNvNt", "_ZN1aI"};
	static const char nested[] = "PRNTFSXMALIDG";
	size_t length = PW_NAME_MAX + 100;
	char *name = malloc(length + 1);

	assert_non_null(name);
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
		for (const char *c = nested; *c; c++) {
			memset(name, *c, length);
			name[length] = 0;
			memcpy(name, starts[s], strlen(starts[s]));
			for (size_t cut = length; cut > 16; cut /= 3) {
				name[cut] = 0;
				free(pw_demangle(name));
			}
		}
	}
	free(name);
}

static void test_random(void **state)
{
	static const char *const seeds[] = {"_ZNSt6vectorIiSaIiEE9push_backEOi",
					    "_ZZ4mainENKUlvE_clEv",
					    "_RINvNtC3std3mem8align_ofNtNtC3std3mem12DiscriminantE",
					    "_RNvXs_NtCs1234_7mycrate3fooNtB4_3FooNtB4_3Bar3baz",
					    "_ZN4core3fmt5write17h0123456789abcdefE",
					    "_RNvC4mainu8gdel_5qa"};
	static const char alphabet[] = "_0123456789abEINPRSTXZKLMBCFvstuJpyhG$.";
	char name[128];

	srand(7);
	for (int i = 0; i < 200000; i++) {
		strcpy(name, seeds[(size_t)rand() % (sizeof(seeds) / sizeof(seeds[0]))]);
		size_t length = strlen(name);
		for (int k = rand() % 6; k >= 0; k--)
			name[2 + (size_t)rand() % (length - 2)] =
				alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		free(pw_demangle(name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c),
		cmocka_unit_test(test_cxx),
		cmocka_unit_test(test_rust),
		cmocka_unit_test(test_doubling_cxx),
		cmocka_unit_test(test_doubling_rust),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
