/*
 * Layouts: the parser, the overlay of _Py_DebugOffsets, traits of every file built in, types from
 * DWARF, and the order in which layouts are found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "python/layout.h"

static const struct pw_builtin_layout *builtin(unsigned major, unsigned minor)
{
	char name[16];
	snprintf(name, sizeof(name), "%u.%u.def", major, minor);
	for (size_t i = 0; i < pw_builtin_layout_count; i++)
		if (strcmp(pw_builtin_layouts[i].name, name) == 0)
			return &pw_builtin_layouts[i];
	fail_msg("%s is not built in", name);
	return NULL;
}

static struct pw_layout layout_of(unsigned major, unsigned minor, const char *variant)
{
	const struct pw_builtin_layout *file = builtin(major, minor);
	struct pw_layout layout;
	bool found = false;
	struct pw_error *error =
		pw_layout_parse(file->text, file->length, file->name, variant, &layout, &found);
	if (error)
		fail_msg("%s", pw_error_message(error));
	if (!found)
		fail_msg("%s has no [%s]", file->name, variant);
	error = pw_layout_finish(&layout);
	if (error)
		fail_msg("%s", pw_error_message(error));
	return layout;
}

/* ---- parser ---- */

static void test_parse_good(void **state)
{
	static const char text[] = "# comment\n"
				   "version 3.12\n\n"
				   "  [default]   # another\r\n"
				   "code_name 104\n"
				   "unicode_kind\t32:2:3\n"
				   "interp_next 7288  debug=72\n"
				   "owner_cstack = 3\n"
				   "[debug+free-threaded]\n"
				   "code_name 120";
	struct pw_layout layout;
	bool found = false;
	assert_null(
		pw_layout_parse(text, sizeof(text) - 1, "dir/x.def", "default", &layout, &found));
	assert_true(found);
	assert_int_equal(layout.major, 3);
	assert_int_equal(layout.minor, 12);
	assert_string_equal(layout.def_name, "x.def");
	assert_false(layout.debug || layout.trace_refs || layout.free_threaded);
	assert_int_equal(layout.code_name.offset, 104);
	assert_int_equal(layout.code_name.source, PW_LAYOUT_DEF);
	assert_int_equal(layout.code_name.debug_slot, -1);
	assert_int_equal(layout.unicode_kind.offset, 32);
	assert_int_equal(layout.unicode_kind.bit, 2);
	assert_int_equal(layout.unicode_kind.bits, 3);
	assert_int_equal(layout.interp_next.offset, 7288);
	assert_int_equal(layout.interp_next.debug_slot, 72);
	assert_int_equal(layout.owner_cstack.offset, 3);
	assert_false(pw_has(&layout, tstate_next));
	assert_int_equal(layout.tstate_next.source, PW_LAYOUT_ABSENT);

	assert_null(pw_layout_parse(text, sizeof(text) - 1, "x.def", "debug+free-threaded", &layout,
				    &found));
	assert_true(found && layout.debug && layout.free_threaded && !layout.trace_refs);
	assert_int_equal(layout.code_name.offset, 120);
	assert_false(pw_has(&layout, unicode_kind));

	assert_null(
		pw_layout_parse(text, sizeof(text) - 1, "x.def", "trace-refs", &layout, &found));
	assert_false(found);
	assert_int_equal(layout.minor, 12);
}

static void test_parse_bad(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "x.def:0: expected a \"version\" line"},
		{"[default]\n", "x.def:1: expected a \"version\" line before"},
		{"version 3\n", "x.def:1: expected a version such as"},
		{"version 3.1x\n", "x.def:1: expected a version such as"},
		{"version 3.1\nversion 3.1\n", "x.def:2: expected one \"version\" line"},
		{"version 3.1\n[default\n", "x.def:2: expected \"]\""},
		{"version 3.1\n[]\n", "x.def:2: expected \"default\" or flags"},
		{"version 3.1\n[\n", "x.def:2: expected \"]\""},
		{"version 3.1\n[trace-refs+debug]\n", "x.def:2: expected \"default\" or flags"},
		{"version 3.1\n[debug+]\n", "x.def:2: expected \"default\" or flags"},
		{"version 3.1\n[default]\n[default]\n", "x.def:3: expected each section once"},
		{"version 3.1\ncode_name 1\n", "x.def:2: expected a section such as"},
		{"version 3.1\n[default]\nno_such 1\n", "x.def:3: expected the name of a field"},
		{"version 3.1\n[default]\ncode_name\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name -1\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 0x10\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 1048577\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 99999999999999999999\n",
		 "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 1 2\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 1 debug=7\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\nunicode_kind 1:30:3\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\nunicode_kind 1:2\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\nunicode_kind 1:2:0\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\nowner_cstack 3\n", "x.def:3: expected \"= VALUE\""},
		{"version 3.1\n[default]\ncode_name = 3\n", "x.def:3: expected \"OFFSET\""},
		{"version 3.1\n[default]\ncode_name 1\ncode_name 1\n",
		 "x.def:4: expected each field once"},
		{"version 3.1\n[debug]\ncode_name 1\ncode_name 1\n",
		 "x.def:4: expected each field once"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pw_layout layout;
		bool found;
		struct pw_error *error = pw_layout_parse(cases[i].text, strlen(cases[i].text),
							 "x.def", "default", &layout, &found);
		if (!error)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(pw_error_code(error), PW_ERROR_LAYOUT);
		if (!strstr(pw_error_message(error), cases[i].message))
			fail_msg("%s: %s", cases[i].text, pw_error_message(error));
		pw_error_destroy(error);
	}
}

static void test_parse_hostile(void **state)
{
	static const char nul[] = "version 3.1\n[default]\ncode_name 1\0 2\n";
	char text[2000];
	struct pw_layout layout;
	bool found;
	struct pw_error *error =
		pw_layout_parse(nul, sizeof(nul) - 1, "x.def", "default", &layout, &found);
	assert_non_null(error);
	assert_non_null(strstr(pw_error_message(error), "x.def:3: expected a line of text"));
	pw_error_destroy(error);
	memset(text, 'a', sizeof(text));
	error = pw_layout_parse(text, sizeof(text), "x.def", "default", &layout, &found);
	assert_non_null(error);
	pw_error_destroy(error);
}

/* ---- files built in ---- */

static void test_builtin_traits(void **state)
{
	static const struct {
		unsigned major, minor;
		enum pw_frame_model frames;
		enum pw_line_table lines;
		bool units, previous, python2, log2_keys, managed, inline_values;
	} expected[] = {
		{2, 7, PW_FRAMES_OBJECT, PW_LINES_LNOTAB_UNSIGNED, 0, 0, 1, 0, 0, 0},
		{3, 6, PW_FRAMES_OBJECT, PW_LINES_LNOTAB, 0, 0, 0, 0, 0, 0},
		{3, 7, PW_FRAMES_OBJECT, PW_LINES_LNOTAB, 0, 0, 0, 0, 0, 0},
		{3, 8, PW_FRAMES_OBJECT, PW_LINES_LNOTAB, 0, 0, 0, 0, 0, 0},
		{3, 9, PW_FRAMES_OBJECT, PW_LINES_LNOTAB, 0, 0, 0, 0, 0, 0},
		{3, 10, PW_FRAMES_OBJECT_CFRAME, PW_LINES_LINETABLE, 1, 0, 0, 0, 0, 0},
		{3, 11, PW_FRAMES_CFRAME, PW_LINES_LOCATIONS, 0, 1, 0, 1, 1, 0},
		{3, 12, PW_FRAMES_SHIM_CFRAME, PW_LINES_LOCATIONS, 0, 1, 0, 1, 1, 0},
		{3, 13, PW_FRAMES_SHIM, PW_LINES_LOCATIONS, 0, 0, 0, 1, 1, 1},
		{3, 14, PW_FRAMES_SHIM, PW_LINES_LOCATIONS, 0, 0, 0, 1, 1, 1},
		{3, 15, PW_FRAMES_SHIM, PW_LINES_LOCATIONS, 0, 0, 0, 1, 1, 1},
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct pw_layout layout =
			layout_of(expected[i].major, expected[i].minor, "default");
		assert_int_equal(layout.traits.frames, expected[i].frames);
		assert_int_equal(layout.traits.lines, expected[i].lines);
		assert_int_equal(layout.traits.lasti_in_units, expected[i].units);
		assert_int_equal(layout.traits.instr_is_previous, expected[i].previous);
		assert_int_equal(layout.traits.python2, expected[i].python2);
		assert_int_equal(layout.traits.log2_keys, expected[i].log2_keys);
		assert_int_equal(layout.traits.managed_dicts, expected[i].managed);
		assert_int_equal(layout.traits.inline_values, expected[i].inline_values);
	}
}

/* Every section of every file is whole: its traits can be derived. */
static void test_builtin_sections(void **state)
{
	static const char *const variants[] = {
		"default",	    "debug",	     "trace-refs",
		"debug+trace-refs", "free-threaded", "debug+free-threaded",
	};
	unsigned sections = 0;
	for (size_t i = 0; i < pw_builtin_layout_count; i++) {
		const struct pw_builtin_layout *file = &pw_builtin_layouts[i];
		for (size_t j = 0; j < sizeof(variants) / sizeof(variants[0]); j++) {
			struct pw_layout layout;
			bool found = false;
			struct pw_error *error = pw_layout_parse(
				file->text, file->length, file->name, variants[j], &layout, &found);
			if (!error && found)
				error = pw_layout_finish(&layout);
			if (error)
				fail_msg("%s [%s]: %s", file->name, variants[j],
					 pw_error_message(error));
			sections += found;
		}
	}
	assert_true(sections >= 11 * 2);
}

/* Headers of the variants: Py_TRACE_REFS puts two pointers in front (-3.12), a free-threaded
 * build's object header is 32 bytes (Include/object.h, 3.13+). */
static void test_builtin_variants(void **state)
{
	struct pw_layout plain = layout_of(3, 12, "default"),
			 traced = layout_of(3, 12, "trace-refs");
	assert_int_equal(traced.object_type.offset, plain.object_type.offset + 16);
	assert_int_equal(traced.code_name.offset, plain.code_name.offset + 16);
	assert_int_equal(traced.tstate_next.offset, plain.tstate_next.offset);
	assert_int_equal(traced.entry_key.offset, plain.entry_key.offset);
	plain = layout_of(2, 7, "default");
	traced = layout_of(2, 7, "debug+trace-refs");
	assert_int_equal(traced.frame_lasti.offset, plain.frame_lasti.offset + 16);
	for (unsigned minor = 13; minor <= 15; minor++) {
		struct pw_layout free_threaded = layout_of(3, minor, "free-threaded");
		assert_int_equal(free_threaded.object_sizeof.offset, 32);
		assert_int_equal(free_threaded.object_type.offset, 24);
		assert_true(pw_has(&free_threaded, gil_enabled));
		assert_int_equal(pw_has(&free_threaded, code_tlbc), minor >= 14);
		assert_int_equal(pw_has(&free_threaded, iframe_tlbc_index), minor >= 14);
	}
}

static void test_missing_field(void **state)
{
	struct pw_layout layout = layout_of(3, 12, "default");
	layout.iframe_owner.offset = -1;
	struct pw_error *error = pw_layout_finish(&layout);
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), PW_ERROR_LAYOUT);
	assert_non_null(strstr(pw_error_message(error), "3.12"));
	assert_non_null(strstr(pw_error_message(error), "iframe_owner"));
	pw_error_destroy(error);
}

/* ---- _Py_DebugOffsets ---- */

/* Sizes and slots counted in the published headers: pycore_runtime.h (3.13),
 * pycore_debug_offsets.h. */
static void test_debug_slots(void **state)
{
	static const struct {
		unsigned minor;
		int size, head, threads_head, current_frame, executable, co_filename, lv_tag,
			ob_sval;
	} expected[] = {
		{13, 584, 40, 72, 184, 240, 280, 496, 528},
		{14, 760, 40, 72, 208, 264, 320, 576, 608},
		{15, 888, 40, 72, 208, 328, 384, 672, 704},
	};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		for (int free_threaded = 0; free_threaded < 2; free_threaded++) {
			struct pw_layout l = layout_of(3, expected[i].minor,
						       free_threaded ? "free-threaded" : "default");
			assert_int_equal(l.debug_offsets_sizeof.offset, expected[i].size);
			assert_int_equal(l.runtime_interpreters_head.debug_slot, expected[i].head);
			assert_int_equal(l.interp_threads_head.debug_slot,
					 expected[i].threads_head);
			assert_int_equal(l.tstate_current_frame.debug_slot,
					 expected[i].current_frame);
			assert_int_equal(l.iframe_code.debug_slot, expected[i].executable);
			assert_int_equal(l.code_filename.debug_slot, expected[i].co_filename);
			assert_int_equal(l.long_tag.debug_slot, expected[i].lv_tag);
			assert_int_equal(l.bytes_data.debug_slot, expected[i].ob_sval);
			assert_true(pw_layout_table_size(&l) <= (size_t)expected[i].size);
		}
	}
	struct pw_layout old = layout_of(3, 12, "default");
	assert_int_equal(pw_layout_table_size(&old), 0);
}

struct table {
	uint64_t words[128];
};

static struct table table_of(const struct pw_layout *layout)
{
	struct table table = {0};
	memcpy(table.words, "xdebugpy", 8);
	table.words[1] = (uint64_t)layout->major << 24 | layout->minor << 16 | 0xf0;
	table.words[2] = layout->free_threaded;
	for (size_t i = 0; i < PW_FIELD_COUNT; i++)
		if (layout->all[i].debug_slot >= 0)
			table.words[layout->all[i].debug_slot / 8] = layout->all[i].offset;
	return table;
}

static void test_overlay(void **state)
{
	struct pw_layout layout = layout_of(3, 14, "free-threaded"), original = layout;
	struct table table = table_of(&layout);
	table.words[layout.code_name.debug_slot / 8] = 4096;
	assert_null(pw_layout_overlay(&layout, &table, sizeof(table)));
	assert_int_equal(layout.code_name.offset, 4096);
	assert_int_equal(layout.code_name.source, PW_LAYOUT_DEBUG_OFFSETS);
	assert_int_equal(layout.code_filename.offset, original.code_filename.offset);
	assert_int_equal(layout.dict_used.source, PW_LAYOUT_DEF);
	assert_int_equal(layout.code_tlbc.source, PW_LAYOUT_DEBUG_OFFSETS);
}

static void refuse(const struct pw_layout *layout, const struct table *table, size_t size,
		   const char *message)
{
	struct pw_layout copy = *layout;
	struct pw_error *error = pw_layout_overlay(&copy, table, size);
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), PW_ERROR_LAYOUT);
	if (!strstr(pw_error_message(error), message))
		fail_msg("expected \"%s\" in: %s", message, pw_error_message(error));
	assert_memory_equal(&copy, layout, sizeof(copy));
	pw_error_destroy(error);
}

static void test_overlay_refused(void **state)
{
	struct pw_layout layout = layout_of(3, 13, "default");
	const struct table good = table_of(&layout);
	struct table bad = good;
	refuse(&layout, &good, 8, "cookie");
	refuse(&layout, &good, 400, "400 bytes end before");
	bad.words[0]++;
	refuse(&layout, &bad, sizeof(bad), "cookie");
	bad = good;
	bad.words[1] = 0x30e00f0;
	refuse(&layout, &bad, sizeof(bad), "expected one of CPython 3.13");
	bad = good;
	bad.words[2] = 1;
	refuse(&layout, &bad, sizeof(bad), "free_threaded is 1, expected 0");
	bad = good;
	bad.words[layout.code_name.debug_slot / 8] = UINT64_MAX;
	refuse(&layout, &bad, sizeof(bad), "code_object.name");
	bad.words[layout.code_name.debug_slot / 8] = (1 << 20) + 1;
	refuse(&layout, &bad, sizeof(bad), "0x100001");
}

/* ---- DWARF ---- */

struct test_inner {
	char c;
	struct {
		unsigned low : 2, middle : 5, high : 9;
		union {
			int in_union;
			short alternative;
		};
	};
};

typedef struct {
	long head;
	struct test_inner items[3];
	const struct test_inner *pointer;
	uint8_t byte;
	uint8_t before : 3, flag : 1;
	struct {
		struct test_inner deep;
	} named;
	char tail[];
} test_outer;

enum test_enum { TEST_ENUMERATOR = 42 };
volatile test_outer *test_keep_types;
volatile enum test_enum test_keep_enumerator;

static struct pw_dwarf *own_dwarf(void)
{
	struct pw_dwarf *dwarf = NULL;
	assert_null(pw_dwarf_open_file("/proc/self/exe", NULL, &dwarf));
	if (!dwarf)
		skip(); /* built without -g */
	return dwarf;
}

static void assert_at(struct pw_dwarf *dwarf, const char *type, const char *path, size_t offset,
		      size_t size)
{
	struct pw_member member;
	if (!pw_dwarf_member(dwarf, type, path, &member))
		fail_msg("%s.%s was not found", type, path);
	if (member.offset != offset || member.size != size)
		fail_msg("%s.%s: %d:%d", type, path, (int)member.offset, (int)member.size);
}

static void test_dwarf_members(void **state)
{
	struct pw_dwarf *dwarf = own_dwarf();
	struct pw_member member;
	int64_t value = 0;
	assert_at(dwarf, "test_outer", "", 0, sizeof(test_outer));
	assert_at(dwarf, "test_inner", "", 0, sizeof(struct test_inner));
	assert_at(dwarf, "test_outer", "pointer", offsetof(test_outer, pointer), sizeof(void *));
	assert_at(dwarf, "test_outer", "items", offsetof(test_outer, items),
		  3 * sizeof(struct test_inner));
	assert_at(dwarf, "test_outer", "items[2].in_union", offsetof(test_outer, items[2].in_union),
		  4);
	assert_at(dwarf, "test_outer", "named.deep.alternative",
		  offsetof(test_outer, named.deep.alternative), 2);
	assert_true(pw_dwarf_member(dwarf, "test_outer", "tail", &member));
	assert_int_equal(member.offset, offsetof(test_outer, tail));

	static const char *const absent[] = {
		"nothing",    "head.x", "items[2", "items[x]", "items[99999999]",
		"pointer[0]", ".",	"head.",   "[0]",      "named..deep"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		if (strcmp(absent[i], "head.") != 0 &&
		    pw_dwarf_member(dwarf, "test_outer", absent[i], &member))
			fail_msg("found test_outer.%s", absent[i]);
	assert_false(pw_dwarf_member(dwarf, "no_such_type", "", &member));
	assert_true(pw_dwarf_enumerator(dwarf, "TEST_ENUMERATOR", &value));
	assert_int_equal(value, 42);
	assert_false(pw_dwarf_enumerator(dwarf, "NO_SUCH_ENUMERATOR", &value));
	pw_dwarf_close(dwarf);
}

/* What a reader of a layout does. */
static uint32_t read_bits(const void *object, const struct pw_member *member)
{
	uint32_t word;
	memcpy(&word, (const char *)object + member->offset, sizeof(word));
	return word >> member->bit_offset & ((1u << member->bit_size) - 1);
}

static void test_dwarf_bit_fields(void **state)
{
	struct pw_dwarf *dwarf = own_dwarf();
	struct pw_member member;
	test_outer outer;
	memset(&outer, 0xff, sizeof(outer));
	outer.items[1].low = 1;
	outer.items[1].middle = 21;
	outer.items[1].high = 300;
	outer.before = 5;
	outer.flag = 0;
	assert_true(pw_dwarf_member(dwarf, "test_outer", "items[1].low", &member));
	assert_int_equal(member.bit_size, 2);
	assert_int_equal(member.offset % 4, 0);
	assert_int_equal(read_bits(&outer, &member), 1);
	assert_true(pw_dwarf_member(dwarf, "test_outer", "items[1].middle", &member));
	assert_int_equal(read_bits(&outer, &member), 21);
	assert_true(pw_dwarf_member(dwarf, "test_outer", "items[1].high", &member));
	assert_int_equal(read_bits(&outer, &member), 300);
	assert_true(pw_dwarf_member(dwarf, "test_outer", "before", &member));
	assert_int_equal(read_bits(&outer, &member), 5);
	assert_true(pw_dwarf_member(dwarf, "test_outer", "flag", &member));
	assert_int_equal(member.bit_size, 1);
	assert_int_equal(read_bits(&outer, &member), 0);
	pw_dwarf_close(dwarf);
}

static void test_dwarf_absent(void **state)
{
	struct pw_dwarf *dwarf = NULL;
	struct pw_error *error = pw_dwarf_open_file("/nonexistent/file", NULL, &dwarf);
	assert_non_null(error);
	pw_error_destroy(error);
	error = pw_dwarf_open_file("/etc/passwd", NULL, &dwarf);
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), PW_ERROR_FORMAT);
	pw_error_destroy(error);
	pw_dwarf_close(NULL);
}

/* ---- finding ---- */

static void test_find_built_in(void **state)
{
	struct pw_layout candidates[4];
	size_t count = 0;
	struct pw_python_id id = {.major = 3, .minor = 12, .micro = 1};
	assert_null(pw_layout_find(&id, NULL, candidates, 4, &count));
	assert_int_equal(count, 1);
	assert_string_equal(candidates[0].description, "3.12 (built in)");
	assert_string_equal(candidates[0].def_name, "3.12.def");
	assert_int_equal(candidates[0].traits.frames, PW_FRAMES_SHIM_CFRAME);

	id.trace_refs = true;
	assert_null(pw_layout_find(&id, NULL, candidates, 4, &count));
	assert_string_equal(candidates[0].description, "3.12 [trace-refs] (built in)");
	assert_int_equal(candidates[0].object_type.offset, 24);

	id = (struct pw_python_id){.major = 3, .minor = 6, .trace_refs = true};
	assert_null(pw_layout_find(&id, NULL, candidates, 4, &count));
	assert_int_equal(count, 1);
	assert_string_equal(candidates[0].description, "3.6 [default] (built in)");

	id = (struct pw_python_id){.major = 3, .minor = 99, .debug = true, .free_threaded = true};
	struct pw_error *error = pw_layout_find(&id, NULL, candidates, 4, &count);
	assert_non_null(error);
	assert_int_equal(pw_error_code(error), PW_ERROR_LAYOUT);
	assert_non_null(strstr(pw_error_message(error), "3.99 [debug+free-threaded]"));
	assert_non_null(strstr(pw_error_message(error), "built in"));
	pw_error_destroy(error);
	assert_null(pw_layout_find_dwarf(&id, candidates, 4, &count));
	assert_int_equal(count, 0);
}

static void write_file(const char *dir, const char *name, const char *text, size_t length)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void remove_file(const char *dir, const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static void test_find_in_dir(void **state)
{
	char dir[] = "/tmp/pywalk-layouts-XXXXXX";
	static const char bad[] = "nonsense\n", bad_version[] = "version 3.98\nnonsense\n";
	const struct pw_builtin_layout *file = builtin(3, 12);
	const char *rest = strstr(file->text, "version 3.12\n") + strlen("version 3.12\n");
	char *text = malloc(file->length + 16);
	struct pw_layout candidates[2];
	size_t count = 0;
	assert_non_null(text);
	assert_non_null(mkdtemp(dir));
	int length =
		sprintf(text, "version 3.99\n%.*s", (int)(file->text + file->length - rest), rest);
	write_file(dir, "a-bad.def", bad, strlen(bad));
	write_file(dir, "b-bad.def", bad_version, strlen(bad_version));
	write_file(dir, "made-up.def", text, length);
	free(text);

	struct pw_python_id id = {.major = 3, .minor = 99};
	assert_null(pw_layout_find(&id, dir, candidates, 2, &count));
	assert_int_equal(count, 1);
	assert_int_equal(candidates[0].minor, 99);
	assert_non_null(strstr(candidates[0].description, "made-up.def in "));

	id.minor = 98;
	struct pw_error *error = pw_layout_find(&id, dir, candidates, 2, &count);
	assert_non_null(strstr(pw_error_message(error), "b-bad.def:2: expected"));
	pw_error_destroy(error);
	id.minor = 12; /* built in, but the folder is used instead */
	error = pw_layout_find(&id, dir, candidates, 2, &count);
	assert_non_null(strstr(pw_error_message(error), dir));
	assert_non_null(strstr(pw_error_message(error), "a-bad.def:1: expected"));
	pw_error_destroy(error);
	error = pw_layout_find(&id, "/nonexistent", candidates, 2, &count);
	assert_non_null(strstr(pw_error_message(error), "/nonexistent"));
	pw_error_destroy(error);
	remove_file(dir, "a-bad.def");
	remove_file(dir, "b-bad.def");
	remove_file(dir, "made-up.def");
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_good),	 cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_parse_hostile),	 cmocka_unit_test(test_builtin_traits),
		cmocka_unit_test(test_builtin_sections), cmocka_unit_test(test_builtin_variants),
		cmocka_unit_test(test_missing_field),	 cmocka_unit_test(test_debug_slots),
		cmocka_unit_test(test_overlay),		 cmocka_unit_test(test_overlay_refused),
		cmocka_unit_test(test_dwarf_members),	 cmocka_unit_test(test_dwarf_bit_fields),
		cmocka_unit_test(test_dwarf_absent),	 cmocka_unit_test(test_find_built_in),
		cmocka_unit_test(test_find_in_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
