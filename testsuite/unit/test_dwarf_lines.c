/*
 * Line tables: those of real files as libdw reads them, row by row; tables made by hand; and
 * damaged ones, which must do no harm.
 */
#include "binary/dwarf_lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

/* ---- as libdw reads them ---- */

/* The last row with a line at or before an address, a statement's if there is one; NULL: none. */
static Dwarf_Line *expected_row(Dwarf_Lines *lines, size_t count, uint64_t address)
{
	Dwarf_Line *found = NULL;
	Dwarf_Addr at = 0, of_found = 0;

	for (size_t i = count; i-- > 0;) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);
		bool ends, statement;
		int number;
		dwarf_lineaddr(line, &at);
		if (at > address)
			continue;
		dwarf_lineendsequence(line, &ends);
		dwarf_lineno(line, &number);
		dwarf_linebeginstatement(line, &statement);
		if (ends || (found && at != of_found))
			break;
		if (!number)
			continue;
		if (statement)
			return line;
		if (!found) {
			found = line;
			of_found = at;
		}
	}
	return found;
}

static void compare_at(struct pw_dwarf_lines *table, Dwarf_Die *unit, Dwarf_Lines *lines,
		       size_t count, uint64_t address)
{
	/* libdw sorts the end of a sequence before a row at the same address, which covers nothing
	 * then: it would be found behind the end. */
	if (dwarf_haspc(unit, address) <= 0)
		return;
	Dwarf_Line *expected = expected_row(lines, count, address);
	const struct pw_dwarf_line *row = pw_dwarf_lines_find(table, address);
	int number = 0;

	if (!expected) {
		assert_null(row);
		return;
	}
	dwarf_lineno(expected, &number);
	if (!row)
		fail_msg("nothing at %#llx", (unsigned long long)address);
	else if ((int)row->line != number)
		fail_msg("line %u at %#llx is %d", row->line, (unsigned long long)address, number);
	assert_string_equal(row ? pw_dwarf_lines_path(table, row->file) : "",
			    dwarf_linesrc(expected, NULL, NULL));
}

static void compare_files(struct pw_dwarf_lines *table, Dwarf_Files *files, size_t count)
{
	for (size_t i = table->version < 5; i < count; i++)
		assert_string_equal(pw_dwarf_lines_path(table, i),
				    dwarf_filesrc(files, i, NULL, NULL));
	assert_null(pw_dwarf_lines_path(table, count));
	assert_null(pw_dwarf_lines_path(table, UINT64_MAX));
}

static void read_unit(struct pw_dwarf_lines *ret, const struct pw_dwarf_line_sections *sections,
		      Dwarf_Die *unit)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset = UINT64_MAX;
	const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));

	assert_int_equal(dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &attribute), &offset),
			 0);
	pw_dwarf_lines_read(ret, sections, offset, folder);
}

/* How many rows there were. */
static size_t compare_unit(const struct pw_dwarf_line_sections *sections, Dwarf_Die *unit)
{
	struct pw_dwarf_lines table;
	Dwarf_Lines *lines;
	Dwarf_Files *files;
	size_t count, file_count;

	if (dwarf_getsrclines(unit, &lines, &count) != 0)
		return 0;
	assert_int_equal(dwarf_getsrcfiles(unit, &files, &file_count), 0);
	read_unit(&table, sections, unit);
	compare_files(&table, files, file_count);
	for (size_t i = 0; i < count; i++) {
		Dwarf_Addr address;
		dwarf_lineaddr(dwarf_onesrcline(lines, i), &address);
		/* Sequences of what the linker left out begin at 0, on top of each other. */
		if (address < 0x100)
			continue;
		compare_at(&table, unit, lines, count, address);
		if (i % 7 == 0) {
			compare_at(&table, unit, lines, count, address - 1);
			compare_at(&table, unit, lines, count, address + 1);
		}
	}
	pw_dwarf_lines_deinit(&table);
	return count;
}

/* Up to `most` units of a file; how many rows they had. */
static size_t compare_all(const char *path, size_t most)
{
	int fd = open(path, O_RDONLY);
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	struct pw_dwarf_line_sections sections;
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	size_t rows = 0;

	assert_non_null(dwarf);
	pw_dwarf_line_sections_find(&sections, dwarf);
	while (most-- > 0 && dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL) == 0)
		rows += compare_unit(&sections, &die);
	dwarf_end(dwarf);
	close(fd);
	return rows;
}

static void test_own_program(void **state)
{
	(void)state;
	assert_true(compare_all("/proc/self/exe", 40) > 1000);
}

static const char source[] = "#include <stdio.h>\n"
			     "#include <stdlib.h>\n"
			     "static inline __attribute__((always_inline)) int in(int x)\n"
			     "{\n"
			     "	for (int i = 0; i < x; i++)\n"
			     "		x += rand();\n"
			     "	return x;\n"
			     "}\n"
			     "#line 12345 \"elsewhere/other.h\"\n"
			     "__attribute__((cold, noinline)) int rare(int x)\n"
			     "{\n"
			     "	return in(x) + 1;\n"
			     "}\n"
			     "#line 7 \"/absolute/third.h\"\n"
			     "int main(int argc, char **argv)\n"
			     "{\n"
			     "	if (argc > 5)\n"
			     "		return rare(argc);\n"
			     "	return in(argc) + printf(\"%s\", argv[0]);\n"
			     "}\n";

static bool compile(const char *compiler, const char *flags)
{
	char command[1024];

	write_file(in_folder("t.c"), source, strlen(source));
	snprintf(command, sizeof(command),
		 "command -v %s >/dev/null 2>&1 && cd %s && %s %s -o t t.c", compiler,
		 in_folder("."), compiler, flags);
	return system(command) == 0;
}

static void test_versions(void **state)
{
	static const char *const flags[] = {
		"-gdwarf-2 -O0",
		"-gdwarf-2 -O2",
		"-gdwarf-3 -O2",
		"-gdwarf-4 -O2",
		"-gdwarf-5 -O2",
		"-gdwarf-5 -O2 -ffunction-sections -Wl,--gc-sections",
		"-gdwarf-5 -O2 -gz=zlib",
		"-gdwarf-4 -O2 -gz=zlib-gnu",
		"-gdwarf-5 -gdwarf64 -O2",
		"-gdwarf-5 -O2 -gno-as-loc-support",
		"-gdwarf-4 -O3 -gno-as-loc-support",
	};
	size_t done = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_true(compile("cc", flags[i]));
		assert_true(compare_all(in_folder("t"), 10) > 10);
		if (!compile("clang", flags[i]))
			continue;
		assert_true(compare_all(in_folder("t"), 10) > 10);
		done++;
	}
	print_message("# clang: %zu of %zu\n", done, sizeof(flags) / sizeof(flags[0]));
}

/* ---- made by hand ---- */

struct made {
	uint8_t bytes[512];
	size_t size;
};

static void put(struct made *m, const void *bytes, size_t size)
{
	assert_true(m->size + size <= sizeof(m->bytes));
	memcpy(m->bytes + m->size, bytes, size);
	m->size += size;
}

/* DWARF 4: two files, operations from 13 on special, lines from -3 on, 12 in a row. */
static void begin(struct made *m)
{
	static const uint8_t header[] = {
		0, 0, 0,   0,	 4,  0, /* length, version */
		0, 0, 0,   0,		/* length of the header */
		1, 1, 1,   0xfd, 12, 13,  0, 1, 1, 1, 1,   0, 0, 0, 1, 0,
		0, 1, 'd', 0,	 0,  'a', 0, 1, 0, 0, 'b', 0, 0, 0, 0, 0,
	};

	m->size = 0;
	put(m, header, sizeof(header));
	m->bytes[6] = (uint8_t)(sizeof(header) - 10);
}

static struct pw_dwarf_lines finish(struct made *m)
{
	struct pw_dwarf_line_sections sections = {.lines = {m->bytes, m->size}};
	struct pw_dwarf_lines table;

	m->bytes[0] = (uint8_t)(m->size - 4);
	m->bytes[1] = (uint8_t)((m->size - 4) >> 8);
	pw_dwarf_lines_read(&table, &sections, 0, "/home");
	return table;
}

static void put_address(struct made *m, uint64_t address)
{
	uint8_t operation[11] = {0, 9, DW_LNE_set_address};

	memcpy(operation + 3, &address, sizeof(address));
	put(m, operation, sizeof(operation));
}

static void expect(const struct pw_dwarf_lines *table, uint64_t address, unsigned line)
{
	const struct pw_dwarf_line *row = pw_dwarf_lines_find(table, address);

	assert_int_equal(row ? row->line : 0, line);
}

static void test_operations(void **state)
{
	static const uint8_t operations[] = {
		DW_LNS_advance_line,
		9,
		DW_LNS_copy, /* 1000: 10 */
		DW_LNS_advance_pc,
		0x90,
		0x01,
		13 + 3 + 12 * 2, /* 1092: 10 */
		DW_LNS_const_add_pc,
		DW_LNS_copy, /* 10a6: 10, 20 on */
		DW_LNS_fixed_advance_pc,
		0,
		1,
		DW_LNS_set_file,
		2,
		DW_LNS_negate_stmt,
		13 + 5, /* 11a6: 12, no statement, "b" */
		DW_LNS_advance_line,
		0x7c,
		DW_LNS_copy, /* 11a6: 8 */
		DW_LNS_negate_stmt,
		DW_LNS_advance_line,
		1,
		DW_LNS_copy, /* 11a6: 9, a statement */
		DW_LNS_negate_stmt,
		DW_LNS_advance_line,
		1,
		DW_LNS_copy, /* 11a6: 10, none */
		DW_LNS_set_isa,
		5,
		DW_LNS_set_column,
		3,
		DW_LNS_set_prologue_end,
		DW_LNS_set_epilogue_begin,
		DW_LNS_set_basic_block,
		0,
		2,
		DW_LNE_set_discriminator,
		4,
		DW_LNS_advance_line,
		0x76,
		DW_LNS_advance_pc,
		16,
		DW_LNS_copy, /* 11b6: 0 */
		DW_LNS_advance_pc,
		16,
		0,
		1,
		DW_LNE_end_sequence, /* 11c6 */
	};
	struct made m;

	(void)state;
	begin(&m);
	put_address(&m, 0x1000);
	put(&m, operations, sizeof(operations));
	struct pw_dwarf_lines table = finish(&m);
	expect(&table, 0xfff, 0);
	expect(&table, 0x1000, 10);
	expect(&table, 0x1091, 10);
	expect(&table, 0x1092, 10);
	expect(&table, 0x11a5, 10);
	/* The last statement of this address, though others follow. */
	expect(&table, 0x11a6, 9);
	/* No line: what was before. */
	expect(&table, 0x11b7, 9);
	expect(&table, 0x11c6, 0);
	assert_string_equal(pw_dwarf_lines_path(&table, 1), "d/a");
	assert_string_equal(pw_dwarf_lines_path(&table, 2), "/home/b");
	assert_string_equal(pw_dwarf_lines_path(&table, pw_dwarf_lines_find(&table, 0x11a6)->file),
			    "/home/b");
	assert_null(pw_dwarf_lines_path(&table, 0));
	assert_null(pw_dwarf_lines_path(&table, 3));
	pw_dwarf_lines_deinit(&table);
}

static void put_sequence(struct made *m, uint64_t address, uint8_t line, uint8_t length)
{
	const uint8_t operations[] = {DW_LNS_advance_line,
				      (uint8_t)(line - 1),
				      DW_LNS_copy,
				      DW_LNS_advance_pc,
				      length,
				      0,
				      1,
				      DW_LNE_end_sequence};

	put_address(m, address);
	put(m, operations, sizeof(operations));
}

static void test_sequences(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	put_sequence(&m, 0x3000, 3, 16);
	put_sequence(&m, 0x1000, 1, 63);
	put_sequence(&m, 0x1010, 2, 4); /* within the one before */
	put_sequence(&m, 0x2000, 5, 0); /* of no length */
	put_address(&m, 0x4000);	/* does not end */
	put(&m, (uint8_t[]){DW_LNS_copy, DW_LNS_advance_pc, 9, DW_LNS_copy}, 4);
	struct pw_dwarf_lines table = finish(&m);
	assert_int_equal(table.sequence_count, 3);
	expect(&table, 0x1000, 1);
	expect(&table, 0x1010, 2);
	expect(&table, 0x1014, 1);
	expect(&table, 0x103e, 1);
	expect(&table, 0x103f, 0);
	expect(&table, 0x2000, 0);
	expect(&table, 0x300f, 3);
	expect(&table, 0x4000, 0);
	pw_dwarf_lines_deinit(&table);
}

/* ---- damaged ---- */

static void test_cut_off(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	put_sequence(&m, 0x1000, 1, 63);
	for (size_t size = 0; size < m.size; size++) {
		/* A copy of its own: what is read behind its end is noticed. */
		uint8_t *bytes = malloc(size + !size);
		struct pw_dwarf_line_sections sections = {.lines = {bytes, size}};
		struct pw_dwarf_lines table;
		memcpy(bytes, m.bytes, size);
		if (size)
			bytes[0] = size > 4 ? (uint8_t)(size - 4) : 0;
		pw_dwarf_lines_read(&table, &sections, 0, NULL);
		expect(&table, 0x1000, 0);
		pw_dwarf_lines_deinit(&table);
		free(bytes);
	}
}

/* DWARF 5: a hundred folders are said to come, the last of those that do is cut. */
static void test_cut_folders(void **state)
{
	static const uint8_t header[] = {
		0,
		0,
		0,
		0,
		5,
		0,
		8,
		0, /* length, version, sizes of an address and a selector */
		0,
		0,
		0,
		0, /* length of the header */
		1,
		1,
		1,
		0xfd,
		12,
		1,
		1,
		DW_LNCT_path,
		DW_FORM_string,
		100,
	};

	(void)state;
	for (int whole = 0; whole < 100; whole++) {
		struct made m = {.size = 0};
		put(&m, header, sizeof(header));
		for (int i = 0; i < whole; i++)
			put(&m, "a", 2);
		put(&m, "a", 1);
		m.bytes[8] = (uint8_t)(m.size - 12);
		struct pw_dwarf_lines table = finish(&m);
		assert_int_equal(table.folder_count, whole);
		pw_dwarf_lines_deinit(&table);
	}
}

static void test_damaged(void **state)
{
	enum { ROUNDS = 4000 };
	int fd;
	struct pw_dwarf_line_sections sections;
	uint32_t random = 1;

	(void)state;
	assert_true(compile("cc", "-gdwarf-5 -O2"));
	fd = open(in_folder("t"), O_RDONLY);
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	assert_non_null(dwarf);
	pw_dwarf_line_sections_find(&sections, dwarf);
	assert_non_null(sections.lines.at);
	for (int round = 0; round < ROUNDS; round++) {
		size_t size = sections.lines.size;
		uint8_t *bytes = malloc(size);
		struct pw_dwarf_line_sections damaged = sections;
		struct pw_dwarf_lines table;
		memcpy(bytes, sections.lines.at, size);
		for (int i = 0; i < 3; i++) {
			random = random * 1664525 + 1013904223;
			/* Headers are short, and most of what can go wrong. */
			size_t at = (random >> 8) % (round % 2 ? size : size < 120 ? size : 120);
			bytes[at] = (uint8_t)(random >> 24);
		}
		damaged.lines = (struct pw_dwarf_bytes){bytes, size};
		pw_dwarf_lines_read(&table, &damaged, 0, "/home");
		for (size_t i = 0; i < table.row_count; i++)
			pw_dwarf_lines_find(&table, table.rows[i].address);
		for (size_t i = 0; i <= table.file_count; i++) {
			const char *path = pw_dwarf_lines_path(&table, i);
			assert_true(!path || strlen(path) < 1 << 20);
		}
		pw_dwarf_lines_deinit(&table);
		free(bytes);
	}
	dwarf_end(dwarf);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_program), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_operations),  cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_cut_off),	    cmocka_unit_test(test_cut_folders),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
