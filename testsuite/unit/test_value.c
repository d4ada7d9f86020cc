/*
 * Values made to hurt, in memory made by hand: whatever the objects claim, the text is bounded,
 * valid UTF-8 and without control characters, and says what was left out.  The structures are those
 * of the layout files of several generations.
 */
#include "python/value.h"
#include "python/variables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { BASE = 0x100000, SIZE = 0x80000 };

static uint8_t memory[SIZE];
static uint64_t next_free;
static struct pw_python python;

static bool read_memory(void *data, uint64_t address, void *buffer, size_t length)
{
	if (address < BASE || length > SIZE || address - BASE > SIZE - length)
		return false;
	memcpy(buffer, memory + (address - BASE), length);
	return true;
}

static void put(uint64_t address, uint64_t value)
{
	memcpy(memory + (address - BASE), &value, sizeof(value));
}

static void put_field(uint64_t base, struct pw_field field, uint64_t value)
{
	assert_true(field.offset >= 0);
	put(base + (uint64_t)field.offset, value);
}

static uint64_t allocate(size_t size)
{
	uint64_t at = next_free;
	next_free += (size + 63) & ~(uint64_t)63;
	assert_true(next_free <= BASE + SIZE);
	return at;
}

static uint64_t type_type, object_type;

static uint64_t make_type(const char *name, uint64_t base, uint64_t flags)
{
	uint64_t type = allocate(1024), text = allocate(strlen(name) + 1);
	memcpy(memory + (text - BASE), name, strlen(name) + 1);
	put_field(type, python.layout.object_type, type_type ? type_type : type);
	put_field(type, python.layout.type_name, text);
	put_field(type, python.layout.type_flags, flags);
	put_field(type, python.layout.type_base, base);
	return type;
}

static uint64_t make_object(uint64_t type, size_t size)
{
	uint64_t object = allocate(size);
	put_field(object, python.layout.object_type, type);
	return object;
}

static void open_memory(unsigned major, unsigned minor)
{
	static const struct pw_reader_mapping mapping = {BASE, BASE + SIZE, 0, NULL, true, false};
	const struct pw_reader reader = {.size = sizeof(reader),
					 .read = read_memory,
					 .mappings = &mapping,
					 .mapping_count = 1};
	struct pw_python_id id = {.major = major, .minor = minor};
	struct pw_layout layouts[2];
	size_t count = 0;
	memset(memory, 0, sizeof(memory));
	next_free = BASE + 4096;
	type_type = 0;
	assert_null(pw_layout_find(&id, NULL, layouts, 2, &count));
	assert_true(count > 0);
	python = (struct pw_python){.layout = layouts[0]};
	assert_null(pw_target_open_callback(&reader, NULL, &python.target));
	assert_null(pw_modules_create(python.target, NULL, &python.modules));
	pw_object_budget(&python);
	type_type = make_type("type", 0, UINT64_C(1) << 31);
	object_type = make_type("object", 0, 0);
	put_field(type_type, python.layout.type_base, object_type);
	python.type_type = type_type;
}

static void close_memory(void)
{
	pw_modules_destroy(python.modules);
	pw_target_destroy(python.target);
}

/* The text; checks what holds for all texts. */
static char *text_of(uint64_t object, const struct pw_value_limits *limits)
{
	struct pw_buffer text = {0};
	unsigned reads = pw_value_text(&python, object, limits, &text);
	assert_true(reads <= (limits && limits->reads ? limits->reads : 20000));
	assert_false(text.failed);
	for (size_t i = 0; i < text.length; i++)
		assert_true((uint8_t)text.data[i] >= 0x20 && text.data[i] != 0x7f);
	return pw_buffer_steal(&text);
}

static void expect(uint64_t object, const struct pw_value_limits *limits, const char *expected)
{
	char *text = text_of(object, limits);
	assert_string_equal(text, expected);
	free(text);
}

static void expect_part(uint64_t object, const char *expected)
{
	char *text = text_of(object, NULL);
	if (!strstr(text, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, text);
	free(text);
}

static uint64_t make_list(uint64_t type, uint64_t length, uint64_t items)
{
	uint64_t list = make_object(type, 128);
	put_field(list, python.layout.var_size, length);
	put_field(list, python.layout.list_items, items);
	return list;
}

static const struct {
	unsigned major, minor;
} generations[] = {{2, 7}, {3, 6}, {3, 8}, {3, 10}, {3, 11}, {3, 12}, {3, 13}, {3, 14}, {3, 15}};

#define FOR_EACH_GENERATION                                                                        \
	for (size_t g = 0; g < sizeof(generations) / sizeof(generations[0]); g++)

/* ---- lengths and cycles ---- */

static void test_lists(void **state)
{
	FOR_EACH_GENERATION
	{
		char expected[128];
		open_memory(generations[g].major, generations[g].minor);
		uint64_t type = make_type("list", object_type, 1 << 25);
		uint64_t list = make_list(type, INT64_MAX, BASE);
		snprintf(expected, sizeof(expected),
			 "<list at 0x%llx: length 9223372036854775807 is not believed>",
			 (unsigned long long)list);
		expect(list, NULL, expected);
		list = make_list(type, (uint64_t)-5, BASE);
		expect_part(list, "length -5 is not believed");

		/* Long and without memory. */
		list = make_list(type, 1000000, 0x10);
		expect(list, NULL, "[<unreadable at 0x10>, ... 1000000 more]");

		/* Items that are nothing. */
		list = make_list(type, 30, allocate(512));
		struct pw_value_limits few = {.items = 3};
		expect(list, &few, "[<NULL>, <NULL>, <NULL>, ... 27 more]");

		/* In itself, and deep. */
		uint64_t items = allocate(64);
		list = make_list(type, 1, items);
		put(items, list);
		expect(list, NULL, "[[...]]");
		uint64_t inner = make_list(type, 0, 0);
		for (int i = 0; i < 100; i++) {
			items = allocate(64);
			put(items, inner);
			inner = make_list(type, 1, items);
		}
		struct pw_value_limits two = {.depth = 2}, deep = {.depth = 1000};
		expect(inner, &two, "[[[... 1 more]]]");
		char *text = text_of(inner, &deep);
		assert_true(strlen(text) < 200);
		free(text);
		close_memory();
	}
}

/* Each holds the next twice: 2^64 lists to print. */
static void test_explosion(void **state)
{
	open_memory(3, 12);
	uint64_t type = make_type("list", object_type, 1 << 25), inner = make_list(type, 0, 0);
	for (int i = 0; i < 60; i++) {
		uint64_t items = allocate(64);
		put(items, inner);
		put(items + 8, inner);
		inner = make_list(type, 2, items);
	}
	struct pw_value_limits limits = {.depth = 64, .bytes = 1 << 28, .reads = 5000};
	char *text = text_of(inner, &limits);
	assert_true(strlen(text) < 5000 * 64);
	assert_non_null(strstr(text, "more"));
	free(text);
	limits = (struct pw_value_limits){.depth = 64, .bytes = 1000};
	text = text_of(inner, &limits);
	assert_true(strlen(text) < 5000);
	free(text);
	close_memory();
}

static void test_dicts(void **state)
{
	FOR_EACH_GENERATION
	{
		open_memory(generations[g].major, generations[g].minor);
		const struct pw_layout *l = &python.layout;
		uint64_t type = make_type("dict", object_type, 1 << 29);
		uint64_t dict = make_object(type, 256);
		put_field(dict, l->dict_used, 3);
		if (generations[g].major == 2) {
			put_field(dict, l->dict2_mask, UINT64_MAX);
			expect_part(dict, "... 3 more}");
			put_field(dict, l->dict2_mask, 7);
			put_field(dict, l->dict2_table, 0x30);
		} else {
			put_field(dict, l->dict_keys, 0x30);
		}
		expect_part(dict, "{<unreadable at 0x");
		expect_part(dict, "... 3 more}");
		/* A table whose header is noise. */
		uint64_t noise = allocate(4096);
		memset(memory + (noise - BASE), 0xff, 4096);
		if (generations[g].major == 3)
			put_field(dict, l->dict_keys, noise);
		expect_part(dict, "more}");
		/* It claims more than its table has places. */
		memset(memory + (noise - BASE), 0, 4096);
		put_field(dict, l->dict_used, INT64_MAX);
		expect_part(dict, "is not believed");
		close_memory();
	}
}

/* ---- types ---- */

static void test_types_that_are_gone(void **state)
{
	FOR_EACH_GENERATION
	{
		open_memory(generations[g].major, generations[g].minor);
		uint64_t object = make_object(0x18, 64);
		expect_part(object, "unreadable at 0x");
		uint64_t garbage = allocate(1024);
		object = make_object(garbage, 64);
		put_field(garbage, python.layout.object_type, garbage);
		expect_part(object, "is no type>");
		object = make_object(object, 64);
		expect_part(object, "is no type>");
		expect_part(0x20, "unreadable at 0x");
		expect(0, NULL, "<NULL>");

		/* Bases that go in a circle, a name that steers terminals. */
		uint64_t type = make_type("\033[31mred\xff\a", 0, 1 << 9);
		put_field(type, python.layout.type_base, type);
		object = make_object(type, 64);
		expect_part(object, "\\x1b[31mred\\xff\\x07 object at 0x");
		close_memory();
	}
}

/* ---- text and numbers ---- */

static uint64_t make_string(uint64_t type, const void *data, uint64_t length, unsigned kind,
			    size_t bytes)
{
	const struct pw_layout *l = &python.layout;
	uint64_t string = make_object(type, 128 + bytes);
	put_field(string, l->unicode_length, length);
	uint32_t state = kind << l->unicode_kind.bit | 1u << l->unicode_compact.bit;
	if (pw_has(l, unicode_ready))
		state |= 1u << l->unicode_ready.bit;
	memcpy(memory + (string - BASE) + l->unicode_kind.offset, &state, sizeof(state));
	memcpy(memory + (string - BASE) + l->unicode_compact_data.offset, data, bytes);
	return string;
}

static void test_strings(void **state)
{
	FOR_EACH_GENERATION
	{
		if (generations[g].major == 2)
			continue;
		open_memory(generations[g].major, generations[g].minor);
		uint64_t type = make_type("str", object_type, 1 << 28);
		static const char hostile[] = "\033]0;title\a\x9b"
					      "31m\n\x7f'";
		uint64_t string =
			make_string(type, hostile, sizeof(hostile) - 1, 1, sizeof(hostile) - 1);
		expect(string, NULL, "\"\\x1b]0;title\\x07\\x9b31m\\n\\x7f'\"");
		uint32_t wide[] = {0x202e, 0x110000, 0xffffffff, 0xd800, 0x1f600, 'a'};
		string = make_string(type, wide, 6, 4, sizeof(wide));
		expect(string, NULL,
		       "'\\u202e\\U00110000\\Uffffffff\\ud800\xf0\x9f\x98\x80"
		       "a'");
		string = make_string(type, "abc", 3, 3, 3);
		expect_part(string, "its kind is not 1, 2 or 4");
		string = make_string(type, "abc", INT64_MAX, 1, 3);
		expect_part(string, "is not believed");
		string = make_string(type, "abcdef", 1000000, 1, 6);
		struct pw_value_limits three = {.characters = 3};
		expect(string, &three, "'abc'... (1000000 characters)");
		close_memory();
	}
}

static uint64_t make_int(uint64_t type, uint64_t count, bool negative)
{
	const struct pw_layout *l = &python.layout;
	uint64_t number = make_object(type, 128 + count * 4);
	if (pw_has(l, long_tag))
		put_field(number, l->long_tag, count << 3 | (negative ? 2 : 0));
	else
		put_field(number, l->var_size, negative ? -count : count);
	for (uint64_t i = 0; i < count; i++) {
		uint32_t digit = i + 1 == count ? 0x2a5 : 0x3fffffff;
		memcpy(memory + (number - BASE) + l->long_digits.offset + i * 4, &digit, 4);
	}
	return number;
}

static void test_numbers(void **state)
{
	FOR_EACH_GENERATION
	{
		if (generations[g].major == 2)
			continue;
		open_memory(generations[g].major, generations[g].minor);
		uint64_t type = make_type("int", object_type, 1 << 24);
		struct pw_value_limits ten = {.characters = 10};
		/* 0x2a5 is ten bits, then all ones: 0xa97 and f's. */
		uint64_t number = make_int(type, 40000, true);
		expect(number, &ten, "-0xa97fffffff... (1199980 bits)");
		number = make_int(type, 4, false);
		struct pw_value_limits five = {.characters = 5};
		/* 0x2a5 * 2^90 + 2^90 - 1 */
		expect(number, NULL, "839323346635487826381606223871");
		expect(number, &five, "83932... (30 digits)");
		/* A size that nobody believes, and one that ends outside of memory. */
		number = make_int(type, 2, false);
		put_field(number,
			  pw_has(&python.layout, long_tag) ? python.layout.long_tag
							   : python.layout.var_size,
			  INT64_MAX);
		expect_part(number, "not believed");
		put_field(number,
			  pw_has(&python.layout, long_tag) ? python.layout.long_tag
							   : python.layout.var_size,
			  UINT64_C(1) << 38);
		expect_part(number, "<unreadable at 0x");
		close_memory();
	}
}

/* ---- anything ---- */

static uint64_t random_state = 88172645463325252;

static uint64_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Objects of every known type, full of pointers to each other and of noise. */
static void test_noise(void **state)
{
	static const struct {
		const char *name;
		uint64_t flag;
	} kinds[] = {
		{"list", 1 << 25},
		{"tuple", 1 << 26},
		{"dict", 1 << 29},
		{"set", 0},
		{"frozenset", 0},
		{"collections.deque", 1 << 9},
		{"str", 1 << 28},
		{"bytes", 1 << 27},
		{"bytearray", 0},
		{"int", 1 << 24},
		{"float", 0},
		{"complex", 0},
		{"method", 0},
		{"function", 0},
		{"builtin_function_or_method", 0},
		{"cell", 0},
		{"code", 0},
		{"generator", 0},
		{"module", 0},
		{"weakref", 0},
		{"functools.partial", 1 << 9},
		{"range", 0},
		{"slice", 0},
		{"collections.OrderedDict", 1 << 29},
		{"dict_items", 0},
		{"mappingproxy", 0},
		{"collections.defaultdict", 1 << 29},
		{"BaseException", 1 << 30},
		{"datetime.datetime", 0},
		{"datetime.timezone", 0},
		{"decimal.Decimal", 0},
		{"Plain", 1 << 9},
		{"staticmethod", 0},
		{"method-wrapper", 0},
		{"method_descriptor", 0},
		{"types.SimpleNamespace", 0},
	};
	enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), OBJECTS = 200, WORDS = 40 };
	FOR_EACH_GENERATION
	{
		for (int round = 0; round < 20; round++) {
			uint64_t types[KINDS], objects[OBJECTS];
			open_memory(generations[g].major, generations[g].minor);
			for (int i = 0; i < KINDS; i++) {
				types[i] = make_type(kinds[i].name, object_type, kinds[i].flag);
				put_field(types[i], python.layout.type_dictoffset,
					  random_number() % 3 ? 0 : random_number() % 64);
			}
			for (int i = 0; i < OBJECTS; i++)
				objects[i] = make_object(types[random_number() % KINDS], WORDS * 8);
			for (int i = 0; i < OBJECTS; i++)
				for (int j = 0; j < WORDS; j++) {
					uint64_t at = objects[i] + (uint64_t)j * 8;
					if (at ==
					    objects[i] + (uint64_t)python.layout.object_type.offset)
						continue;
					unsigned what = random_number() % 8;
					put(at, what < 4   ? objects[random_number() % OBJECTS]
						: what < 6 ? random_number() % 9
						: what < 7 ? random_number()
							   : types[random_number() % KINDS]);
				}
			struct pw_value_limits limits = {.depth = 6, .reads = 20000};
			for (int i = 0; i < OBJECTS; i++) {
				char *text = text_of(objects[i], &limits);
				assert_true(strlen(text) < 100000);
				free(text);
				uint64_t found;
				pw_error_destroy(
					pw_value_attribute(&python, objects[i], "name", &found));
				pw_error_destroy(
					pw_value_item_index(&python, objects[i], -1, &found));
				struct pw_variables variables;
				struct pw_pyframe frame = {.address = objects[i],
							   .code = objects[(i + 1) % OBJECTS]};
				pw_variables_read(&python, &frame, &variables);
				pw_variables_deinit(&variables);
			}
			close_memory();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),	cmocka_unit_test(test_explosion),
		cmocka_unit_test(test_dicts),	cmocka_unit_test(test_types_that_are_gone),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_noise),
	};
	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
