/*
 * Unwinding of another machine: registers and stacks of an aarch64 program, recorded instruction by
 * instruction, with the frames that GDB found there.  The folder recorded/ holds them, the program
 * and what records it.
 */
#include "binary/cfi.h"

#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STACK_WORDS = 1 << 11, FRAMES_MAX = 32, FILE_MAX = 1 << 16 };

/* Of the registers that calls preserve, the recording has these. */
static const unsigned saved_registers[] = {19, 20, 29};
enum { SAVED = sizeof(saved_registers) / sizeof(saved_registers[0]) };

struct frame {
	uint64_t pc, sp;
	uint64_t saved[SAVED];
	bool signal;
};

struct recording {
	char image[FILE_MAX];
	Elf *elf;
	Dwarf_CFI *cfi;
	FILE *text;
	uint64_t top;
	uint64_t stack[STACK_WORDS]; /* ends at `top` */
	struct pw_regs regs;
	struct frame frames[FRAMES_MAX]; /* the truth of this stop */
	size_t frame_count;
	unsigned stops, described_signals, bare_signals, in_register, by_frame_pointer;
};

/* ---- the recording ---- */

/* From beside this source. */
static FILE *open_recorded(const char *name, const char *suffix)
{
	char path[512];
	const char *slash = strrchr(__FILE__, '/');
	snprintf(path, sizeof(path), "%.*srecorded/aarch64-%s%s",
		 slash ? (int)(slash - __FILE__ + 1) : 0, __FILE__, name, suffix);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s: %s; run this from the top of the sources", path, strerror(errno));
	return file;
}

static void recording_init(struct recording *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	FILE *file = open_recorded(name, "");
	size_t size = fread(r->image, 1, sizeof(r->image), file);
	fclose(file);
	assert_in_range(size, 1, sizeof(r->image) - 1);
	elf_version(EV_CURRENT);
	r->elf = elf_memory(r->image, size);
	r->cfi = dwarf_getcfi_elf(r->elf);
	assert_non_null(r->cfi);
	r->text = open_recorded(name, ".txt");
	assert_int_equal(fscanf(r->text, "top %" SCNx64 "\n", &r->top), 1);
}

static void recording_deinit(struct recording *r)
{
	dwarf_cfi_end(r->cfi);
	elf_end(r->elf);
	fclose(r->text);
}

static uint64_t *word_at(struct recording *r, uint64_t address)
{
	uint64_t below = (r->top - address) / 8;
	if (address >= r->top || (r->top - address) % 8 || below > STACK_WORDS)
		return NULL;
	return &r->stack[STACK_WORDS - below];
}

static bool add_frame(struct recording *r, const char *line)
{
	struct frame frame;
	char kind[8];
	if (r->frame_count == FRAMES_MAX ||
	    sscanf(line, "%7s %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64, kind,
		   &frame.pc, &frame.sp, &frame.saved[0], &frame.saved[1], &frame.saved[2]) != 6)
		return false;
	frame.signal = !strcmp(kind, "signal");
	if (!frame.signal && strcmp(kind, "frame") != 0)
		return false;
	r->frames[r->frame_count++] = frame;
	return true;
}

/* Reads up to the next stop. */
static bool next_stop(struct recording *r)
{
	char line[128];
	uint64_t a, b;
	unsigned n;
	r->frame_count = 0;
	while (fgets(line, sizeof(line), r->text)) {
		if (!strcmp(line, "end\n"))
			return true;
		if (!strcmp(line, "stop\n"))
			continue;
		if (sscanf(line, "register %u %" SCNx64, &n, &a) == 2)
			pw_regs_set(&r->regs, n, a);
		else if (sscanf(line, "pc %" SCNx64, &a) == 1)
			r->regs.pc = a;
		else if (sscanf(line, "word %" SCNx64 " %" SCNx64, &a, &b) == 2 && word_at(r, a))
			*word_at(r, a) = b;
		else if (!add_frame(r, line))
			fail_msg("what is \"%s\"?", line);
	}
	return false;
}

/* ---- unwinding it ---- */

static bool read_stack(void *data, uint64_t address, uint64_t *ret)
{
	const uint64_t *word = word_at(data, address);
	if (word)
		*ret = *word;
	return word != NULL;
}

static const uint8_t *code_at(struct recording *r, uint64_t address)
{
	size_t count = 0, size;
	elf_getphdrnum(r->elf, &count);
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		gelf_getphdr(r->elf, (int)i, &phdr);
		if (phdr.p_type == PT_LOAD && address >= phdr.p_vaddr &&
		    address - phdr.p_vaddr + PW_ABI_STUB_BYTES <= phdr.p_filesz)
			return (const uint8_t *)elf_rawfile(r->elf, &size) + phdr.p_offset +
			       (address - phdr.p_vaddr);
	}
	return NULL;
}

static struct pw_row *row_at(struct recording *r, uint64_t address)
{
	Dwarf_Frame *frame;
	if (dwarf_cfi_addrframe(r->cfi, address, &frame))
		return NULL;
	struct pw_row *row = pw_row_compile(&pw_abi_aarch64, frame, 0);
	free(frame);
	assert_non_null(row);
	assert_in_range(address, row->start, row->end - 1);
	return row;
}

static enum pw_step step(struct recording *r, struct pw_regs *regs, bool *exact)
{
	struct pw_unwind_memory memory = {read_stack, r};
	struct pw_step_result result;
	const uint8_t *code = code_at(r, regs->pc);
	struct pw_row *row = row_at(r, *exact ? regs->pc : regs->pc - 1);
	enum pw_step made = PW_STEP_CORRUPT;
	if (row)
		made = pw_unwind_step(&pw_abi_aarch64, row, regs, &memory, &result);
	else if (code && pw_abi_aarch64.is_sigreturn(code))
		made = pw_unwind_sigreturn(&pw_abi_aarch64, regs, &memory, &result);
	*exact = !row || row->signal_frame;
	r->described_signals += row && *exact;
	r->bare_signals += !row;
	if (row && made == PW_STEP_OK) {
		r->in_register += row->rule_count == 0;
		r->by_frame_pointer += row->cfa.reg == pw_abi_aarch64.fp;
	}
	*regs = result.regs;
	free(row);
	return made;
}

static void check_stop(struct recording *r)
{
	struct pw_regs regs = r->regs;
	uint64_t sp = 0;
	assert_true(pw_regs_get(&regs, pw_abi_aarch64.sp, &sp));
	regs.sp = sp;
	bool exact = true;
	assert_in_range(r->frame_count, 2, FRAMES_MAX);
	for (size_t i = 0; i < r->frame_count; i++) {
		if (regs.pc != r->frames[i].pc || regs.sp != r->frames[i].sp)
			fail_msg("stop %u at pc 0x%" PRIx64 ", frame %zu: pc 0x%" PRIx64
				 " sp 0x%" PRIx64 ", expected 0x%" PRIx64 " and 0x%" PRIx64,
				 r->stops, r->regs.pc, i, regs.pc, regs.sp, r->frames[i].pc,
				 r->frames[i].sp);
		for (unsigned k = 0; k < SAVED; k++) {
			uint64_t value = 0;
			assert_true(pw_regs_get(&regs, saved_registers[k], &value));
			assert_int_equal(value, r->frames[i].saved[k]);
		}
		enum pw_step made = step(r, &regs, &exact);
		if (i + 1 == r->frame_count) {
			assert_int_equal(made, PW_STEP_BOTTOM);
			break;
		}
		assert_int_equal(made, PW_STEP_OK);
		assert_int_equal(exact, r->frames[i].signal);
	}
	r->stops++;
}

static struct recording recording;

/* What the recordings are good for must be in them. */
static void check(const char *name, unsigned stops)
{
	struct recording *r = &recording;
	recording_init(r, name);
	while (next_stop(r))
		check_stop(r);
	assert_true(r->stops >= stops);
	assert_true(r->bare_signals >= stops / 4);
	assert_true(r->described_signals >= stops / 4);
	assert_true(r->in_register >= 8);
	assert_true(r->by_frame_pointer >= stops / 2);
	recording_deinit(r);
}

static void test_records(void **state)
{
	check("records", 100);
}

static void test_no_records(void **state)
{
	check("no-records", 90);
}

static void test_signed(void **state)
{
	check("signed", 110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_no_records),
		cmocka_unit_test(test_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
