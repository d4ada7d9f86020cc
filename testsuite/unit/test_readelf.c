/*
 * Rows of call-frame information compiled from ELF files: those of this program's libraries, of the
 * aarch64 programs in recorded/, and of files that are assembled here, against what readelf says of
 * them.
 */
#include <inttypes.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "folder.h"
#include "rows.h"

/* ---- readelf's words for a row ---- */

static int register_number(const struct pw_abi *abi, unsigned ra, const char *name)
{
	static const char *const x86_64[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
					     "rbp", "rsp", "r8",  "r9",	 "r10", "r11",
					     "r12", "r13", "r14", "r15", "rip"};
	int n, length = 0;
	if (!strcmp(name, "ra"))
		return (int)ra;
	if (abi == &pw_abi_aarch64 && !strcmp(name, "sp"))
		return 31;
	if (abi == &pw_abi_aarch64 && sscanf(name, "x%d%n", &n, &length) == 1 && !name[length])
		return n;
	for (int i = 0; abi == &pw_abi_x86_64 && i <= 16; i++)
		if (!strcmp(name, x86_64[i]))
			return i;
	if (sscanf(name, "xmm%d%n", &n, &length) == 1 && !name[length])
		return 17 + n;
	return -1;
}

/* Whether the rule is what a cell of readelf's table says. */
static bool rule_is(const struct cfi_file *file, const struct pw_row *row, int number,
		    const char *cell)
{
	const struct pw_rule *rule = rule_of(row, number);
	int64_t offset;
	/* readelf does not tell what was never mentioned from what is lost. */
	if (!strcmp(cell, "u"))
		return !rule || rule->kind == PW_RULE_UNDEFINED;
	if (!strcmp(cell, "s"))
		return rule ? rule->kind == PW_RULE_SAME
			    : (file->abi->callee_saved >> number & 1) || number == row->ra;
	if (sscanf(cell, "c%" SCNd64, &offset) == 1)
		return rule && rule->kind == PW_RULE_AT_CFA && rule->offset == offset;
	if (sscanf(cell, "v%" SCNd64, &offset) == 1)
		return rule ? rule->kind == PW_RULE_CFA_PLUS && rule->offset == offset
			    : number == file->abi->sp && !offset;
	if (!strcmp(cell, "exp"))
		return rule && (rule->kind == PW_RULE_AT_EXPR || rule->kind == PW_RULE_AT_CFA);
	if (!strcmp(cell, "vexp"))
		return rule && (rule->kind == PW_RULE_EXPRESSION || rule->kind == PW_RULE_CFA_PLUS);
	return rule && rule->kind == PW_RULE_REGISTER && !rule->offset &&
	       sscanf(cell, "r%" SCNd64, &offset) == 1 && rule->reg == offset;
}

static bool cfa_is(const struct cfi_file *file, const struct pw_row *row, const char *cell)
{
	char name[16];
	int64_t offset;
	if (!strcmp(cell, "exp"))
		return row->cfa.kind == PW_RULE_EXPRESSION || row->cfa.kind == PW_RULE_REGISTER;
	return sscanf(cell, "%15[a-z0-9]%" SCNd64, name, &offset) == 2 &&
	       row->cfa.kind == PW_RULE_REGISTER && row->cfa.offset == offset &&
	       row->cfa.reg == register_number(file->abi, row->ra, name);
}

/* ---- a whole file ---- */

enum { CELLS_MAX = 48, CIES_MAX = 64 };

/* A row as readelf prints it: the CFA, then the registers of the columns. */
struct printed {
	char columns[CELLS_MAX][12], cells[CELLS_MAX][24];
	size_t count;
	bool any;
};

struct reader {
	struct cfi_file file;
	struct printed row;
	struct {
		unsigned long offset;
		struct printed row;
	} cies[CIES_MAX];
	size_t cie_count;
	bool in_fde, pending;
	uint64_t at, end;
	unsigned rows, exp;
};

static size_t split(char *line, char (*words)[24])
{
	size_t count = 0;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		/* "r1 (rdx)" */
		if (word[0] != '(' && count < CELLS_MAX)
			snprintf(words[count++], sizeof(*words), "%s", word);
	return count;
}

static void check_row(struct reader *r, uint64_t end)
{
	if (!r->pending || r->at == end)
		return;
	struct pw_row *row = cfi_row(&r->file, r->at, 0x10000);
	if (!row)
		fail_for_good("0x%" PRIx64 ": no row", r->at);
	/* Where a state is restored, libdw's row begins earlier. */
	bool good = row->start <= r->at + 0x10000 && row->end == end + 0x10000;
	for (size_t i = 0; good && i < r->row.count; i++) {
		const char *cell = r->row.cells[i];
		int number = register_number(r->file.abi, row->ra, r->row.columns[i]);
		good = i ? number >= 0 && (number >= PW_REGS_MAX ||
					   rule_is(&r->file, row, number, cell))
			 : cfa_is(&r->file, row, cell);
		r->exp += strstr(cell, "exp") != NULL;
		if (!good)
			print_error("%s is not %s\n", r->row.columns[i], cell);
	}
	if (!good)
		fail_msg("the row [0x%" PRIx64 ", 0x%" PRIx64
			 ") is not what readelf says of [0x%" PRIx64 ", 0x%" PRIx64 ")",
			 row->start - 0x10000, row->end - 0x10000, r->at, end);
	free(row);
	r->rows++;
	r->pending = false;
}

static void read_entry(struct reader *r, const char *line)
{
	unsigned long offset, cie;
	if (r->in_fde)
		check_row(r, r->end);
	r->in_fde = strstr(line, " FDE ") != NULL;
	if (!r->in_fde) {
		assert_int_equal(sscanf(line, "%lx", &offset), 1);
		assert_in_range(r->cie_count, 0, CIES_MAX - 1);
		r->cies[r->cie_count++].offset = offset;
		return;
	}
	const char *at = strstr(line, "cie=");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "cie=%lx pc=%" SCNx64 "..%" SCNx64, &cie, &r->at, &r->end), 3);
	/* Until it says otherwise. */
	for (size_t i = 0; i < r->cie_count; i++)
		if (r->cies[i].offset == cie)
			r->row = r->cies[i].row;
	r->pending = true;
}

static void read_line(struct reader *r, char *line)
{
	char words[CELLS_MAX][24];
	if (strstr(line, " FDE ") || strstr(line, " CIE ")) {
		read_entry(r, line);
		return;
	}
	bool header = strstr(line, "   LOC ") == line;
	uint64_t at;
	if (!header && (sscanf(line, "%16" SCNx64, &at) != 1 || line[16] != ' '))
		return;
	size_t count = split(line, words);
	if (header) {
		for (size_t i = 1; i < count; i++)
			snprintf(r->row.columns[i - 1], sizeof(r->row.columns[0]), "%.11s",
				 words[i]);
		return;
	}
	if (r->in_fde)
		check_row(r, at);
	r->at = at;
	r->pending = r->in_fde;
	r->row.count = count - 1;
	for (size_t i = 1; i < count; i++)
		memcpy(r->row.cells[i - 1], words[i], sizeof(words[i]));
	if (!r->in_fde)
		r->cies[r->cie_count - 1].row = r->row;
}

/* Returns the number of rows; *ret_exp (may be NULL): how many of their cells are expressions. */
static unsigned compare_with_readelf(const char *path, unsigned *ret_exp)
{
	static struct reader reader;
	char line[4096];
	reader = (struct reader){0};
	cfi_open(&reader.file, path);
	snprintf(line, sizeof(line), "LC_ALL=C readelf -W --debug-dump=frames-interp '%s' 2>&1",
		 path);
	FILE *output = popen(line, "r");
	assert_non_null(output);
	while (fgets(line, sizeof(line), output)) {
		/* Behind .eh_frame of some files comes .debug_frame. */
		if (strstr(line, ".debug_frame"))
			break;
		read_line(&reader, line);
	}
	if (reader.in_fde)
		check_row(&reader, reader.end);
	pclose(output);
	cfi_close(&reader.file);
	if (ret_exp)
		*ret_exp = reader.exp;
	return reader.rows;
}

static int compare_library(struct dl_phdr_info *info, size_t size, void *data)
{
	unsigned *rows = data;
	if (info->dlpi_name[0] == '/')
		*rows += compare_with_readelf(info->dlpi_name, NULL);
	return 0;
}

static void test_libraries(void **state)
{
	unsigned rows = 0;
	dl_iterate_phdr(compare_library, &rows);
	assert_true(rows > 10000);
}

static void test_recorded(void **state)
{
	static const char *const names[] = {"records", "no-records", "signed"};
	for (size_t i = 0; i < 3; i++) {
		char path[512];
		const char *slash = strrchr(__FILE__, '/');
		snprintf(path, sizeof(path), "%.*srecorded/aarch64-%s",
			 slash ? (int)(slash - __FILE__ + 1) : 0, __FILE__, names[i]);
		assert_true(compare_with_readelf(path, NULL) > 30);
	}
}

/* Every rule there is, by name and by number. */
static void test_kinds(void **state)
{
	need_x86_64();
	unsigned exp;
	unsigned rows = compare_with_readelf(assemble("push %rbp\n"
						      ".cfi_def_cfa_offset 16\n"
						      ".cfi_offset %rbp, -16\n"
						      "nop\n"
						      ".cfi_register %rip, %r11\n"
						      ".cfi_same_value %rdi\n"
						      ".cfi_undefined %rbx\n"
						      ".cfi_val_offset %r12, -24\n"
						      ".cfi_offset %xmm5, -200\n"
						      "nop\n"
						      ".cfi_remember_state\n"
						      ".cfi_def_cfa %rbp, 40\n"
						      ".cfi_restore %rip\n"
						      ".cfi_same_value %rbx\n"
						      ".zero 300, 0x90\n"
						      ".cfi_def_cfa_register %r13\n"
						      ".zero 70000, 0x90\n"
						      ".cfi_restore_state\n"
						      "nop\n"
						      ".cfi_escape 0x0f, 3, 0x77, 16, 0x06\n"
						      ".cfi_escape 0x10, 3, 2, 0x77, 8\n"
						      ".cfi_escape 0x16, 13, 2, 0x77, 8\n"
						      "nop\n",
						      ""),
					     &exp);
	assert_int_equal(rows, 7);
	assert_int_equal(exp, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
