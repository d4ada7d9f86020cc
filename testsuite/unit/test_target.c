/*
 * Targets without a process: cores that are made here byte by byte, a reader that answers from an
 * array, the copies of a snapshot, and paths under another root.
 */
#include "target/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "folder.h"

enum { PAGE = 4096 };

/* ---- making images ---- */

struct image {
	uint8_t bytes[64 * 1024];
	size_t size;
};

static void put(struct image *image, size_t at, const void *bytes, size_t size)
{
	assert_true(at + size <= sizeof(image->bytes));
	memcpy(image->bytes + at, bytes, size);
	if (image->size < at + size)
		image->size = at + size;
}

static void put_header(struct image *image, uint16_t type, uint16_t machine, uint16_t phnum)
{
	Elf64_Ehdr header = {
		.e_type = type,
		.e_machine = machine,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = phnum,
	};
	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	put(image, 0, &header, sizeof(header));
}

static void put_phdr(struct image *image, unsigned i, Elf64_Phdr phdr)
{
	put(image, sizeof(Elf64_Ehdr) + i * sizeof(phdr), &phdr, sizeof(phdr));
}

static size_t put_note(struct image *image, size_t at, const char *owner, uint32_t type,
		       const void *desc, size_t size)
{
	static const uint8_t zero[4];
	Elf64_Nhdr note = {(uint32_t)strlen(owner) + 1, (uint32_t)size, type};
	put(image, at, &note, sizeof(note));
	at += sizeof(note);
	put(image, at, owner, note.n_namesz);
	at += note.n_namesz;
	put(image, at, zero, -at & 3);
	at += -at & 3;
	put(image, at, desc, size);
	at += size;
	put(image, at, zero, -at & 3);
	return at + (-at & 3);
}

enum {
	LIBRARY = 0x10000000, /* headers, text, data: a page each */
	ANON = 0x20000000,
	CORE_NOTES = 0x400,
	CORE_DATA = 0x2000,
};

/* A library of three pages, filled with 'H', 'T', 'D', and a build-id of four bytes. */
static void make_library(struct image *image, uint32_t build_id)
{
	memset(image->bytes, 'H', PAGE);
	memset(image->bytes + PAGE, 'T', PAGE);
	memset(image->bytes + 2 * PAGE, 'D', PAGE);
	image->size = 3 * PAGE;
	put_header(image, ET_DYN, EM_X86_64, 4);
	put_phdr(image, 0, (Elf64_Phdr){PT_LOAD, PF_R, 0, 0, 0, PAGE, PAGE, PAGE});
	put_phdr(image, 1, (Elf64_Phdr){PT_LOAD, PF_R | PF_X, PAGE, PAGE, 0, PAGE, PAGE, PAGE});
	put_phdr(image, 2,
		 (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 2 * PAGE, 2 * PAGE, 0, PAGE, PAGE, PAGE});
	put_phdr(image, 3, (Elf64_Phdr){PT_NOTE, PF_R, 0x200, 0x200, 0, 20, 20, 4});
	put_note(image, 0x200, "GNU", NT_GNU_BUILD_ID, &build_id, sizeof(build_id));
}

struct shape {
	uint32_t build_id; /* of the library as the core has it; 0: its first page is absent */
	bool gcore;	   /* notes behind the segments */
	bool no_text;	   /* no segment for the library's text */
	bool relro;	   /* the library's data is not writable any more and absent */
};

static size_t put_notes(struct image *image, size_t at, const char *library)
{
	uint8_t prstatus[336] = {0}, prpsinfo[136] = {0}, files[512] = {0};
	uint64_t regs[27] = {0};
	for (int tid = 101; tid >= 100; tid--) {
		memcpy(prstatus + 32, &tid, 4);
		prstatus[12] = 6;
		regs[16] = 0x10001000 + (uint64_t)tid;
		regs[19] = ANON + (uint64_t)tid;
		regs[21] = ANON + 16;
		memcpy(prstatus + 112, regs, sizeof(regs));
		at = put_note(image, at, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus));
	}
	int pid = 100;
	memcpy(prpsinfo + 24, &pid, 4);
	memcpy(prpsinfo + 40, "caf\xc3\xa9\xff", 6);
	at = put_note(image, at, "CORE", NT_PRPSINFO, prpsinfo, sizeof(prpsinfo));
	uint64_t auxv[4] = {AT_ENTRY, LIBRARY + PAGE + 8, AT_NULL, 0};
	at = put_note(image, at, "CORE", NT_AUXV, auxv, sizeof(auxv));
	uint64_t table[] = {3,
			    PAGE,
			    LIBRARY,
			    LIBRARY + PAGE,
			    0,
			    LIBRARY + PAGE,
			    LIBRARY + 2 * PAGE,
			    1,
			    LIBRARY + 2 * PAGE,
			    LIBRARY + 3 * PAGE,
			    2};
	memcpy(files, table, sizeof(table));
	size_t size = sizeof(table);
	for (int i = 0; i < 3; i++) {
		strcpy((char *)files + size, library);
		size += strlen(library) + 1;
	}
	return put_note(image, at, "CORE", NT_FILE, files, size);
}

static void make_core(struct image *image, const char *library, const struct shape *shape)
{
	struct image lib = {.size = 0};
	make_library(&lib, shape->build_id);
	uint64_t first = shape->build_id ? PAGE : 0, data = shape->relro ? 0 : PAGE;
	put_header(image, ET_CORE, EM_X86_64, 5);
	size_t notes = shape->gcore ? CORE_DATA + 4 * PAGE : CORE_NOTES;
	size_t end = put_notes(image, notes, library);
	put_phdr(image, 0, (Elf64_Phdr){PT_NOTE, 0, notes, 0, 0, end - notes, 0, 1});
	put_phdr(image, 1, (Elf64_Phdr){PT_LOAD, PF_R, CORE_DATA, LIBRARY, 0, first, PAGE, PAGE});
	put_phdr(image, 2,
		 (Elf64_Phdr){shape->no_text ? PT_NULL : PT_LOAD, PF_R | PF_X, CORE_DATA + PAGE,
			      LIBRARY + PAGE, 0, 0, PAGE, PAGE});
	put_phdr(image, 3,
		 (Elf64_Phdr){PT_LOAD, PF_R | (shape->relro ? 0 : PF_W), CORE_DATA + PAGE,
			      LIBRARY + 2 * PAGE, 0, data, PAGE, PAGE});
	put_phdr(image, 4,
		 (Elf64_Phdr){PT_LOAD, PF_R | PF_W, CORE_DATA + 2 * PAGE, ANON, 0, 2 * PAGE,
			      2 * PAGE, PAGE});
	put(image, CORE_DATA, lib.bytes, PAGE);
	memset(lib.bytes, 'd', PAGE);
	put(image, CORE_DATA + PAGE, lib.bytes, PAGE);
	memset(lib.bytes, 'a', PAGE);
	put(image, CORE_DATA + 2 * PAGE, lib.bytes, PAGE);
	memset(lib.bytes, 'b', PAGE);
	put(image, CORE_DATA + 3 * PAGE, lib.bytes, PAGE);
}

static struct pw_target *open_core(const struct image *image)
{
	struct pw_target *target = NULL;
	write_file(in_folder("core"), image->bytes, image->size);
	struct pw_error *error = pw_target_open_core(in_folder("core"), NULL, &target);
	if (error)
		print_message("%s\n", pw_error_message(error));
	assert_null(error);
	return target;
}

static const char *library_file(uint32_t build_id)
{
	struct image lib = {.size = 0};
	make_library(&lib, build_id);
	write_file(in_folder("library"), lib.bytes, lib.size);
	return in_folder("library");
}

static enum pw_supplier supplier_of(struct pw_target *target, uint64_t address, char expected)
{
	char byte = 0;
	size_t done;
	enum pw_supplier supplier;
	assert_null(pw_read_some(target, address, &byte, 1, &done, &supplier));
	assert_int_equal(done, supplier != PW_SUPPLIER_NONE);
	if (done)
		assert_int_equal(byte, expected);
	return supplier;
}

static bool noted(const struct pw_target *target, const char *part)
{
	for (size_t i = 0; i < target->notes.count; i++)
		if (strstr(target->notes.texts[i], part))
			return true;
	return false;
}

/* ---- cores ---- */

static void check_threads(const struct pw_target *target)
{
	assert_int_equal(target->pid, 100);
	assert_int_equal(target->signal, 6);
	assert_int_equal(target->lwp_count, 2);
	const struct pw_lwp *lwp = &target->lwps[0];
	assert_int_equal(lwp->tid, 100);
	assert_string_equal(lwp->name, "caf\xc3\xa9\\xff");
	assert_true(lwp->has_regs);
	assert_int_equal(lwp->regs.pc, 0x10001000 + 100);
	assert_int_equal(lwp->regs.sp, ANON + 100);
	assert_int_equal(lwp->regs.value[7], ANON + 100);
	assert_int_equal(lwp->regs.thread_pointer, ANON + 16);
	assert_int_equal(pw_target_lwp(target, 101)->tid, 101);
	assert_null(pw_target_lwp(target, 102));
}

static void test_core_kernel(void **state)
{
	struct image image = {.size = 0};
	const char *library = library_file(7);
	make_core(&image, library, &(struct shape){.build_id = 7});
	struct pw_target *target = open_core(&image);
	check_threads(target);
	assert_string_equal(target->executable, library);
	assert_string_equal(target->executable_host, library);
	assert_int_equal(target->notes.count, 0);
	assert_int_equal(target->mapping_count, 4);
	assert_string_equal(pw_target_mapping(target, LIBRARY + PAGE)->path, library);
	assert_int_equal(pw_target_mapping(target, LIBRARY + PAGE)->offset, PAGE);
	assert_null(pw_target_mapping(target, ANON)->path);
	assert_null(pw_target_mapping(target, ANON + 2 * PAGE));
	assert_int_equal(supplier_of(target, LIBRARY + 0x800, 'H'), PW_SUPPLIER_CORE);
	assert_int_equal(supplier_of(target, LIBRARY + PAGE, 'T'), PW_SUPPLIER_FILE);
	assert_int_equal(supplier_of(target, LIBRARY + 2 * PAGE, 'd'), PW_SUPPLIER_CORE);
	assert_int_equal(supplier_of(target, ANON + PAGE, 'b'), PW_SUPPLIER_CORE);
	pw_target_destroy(target);
}

static void test_core_gcore(void **state)
{
	struct image image = {.size = 0};
	const char *library = library_file(7);
	make_core(&image, library, &(struct shape){.build_id = 7, .gcore = true, .no_text = true});
	struct pw_target *target = open_core(&image);
	check_threads(target);
	assert_int_equal(supplier_of(target, LIBRARY + PAGE + 5, 'T'), PW_SUPPLIER_FILE);
	assert_true(pw_target_mapping(target, LIBRARY + PAGE)->executable);
	pw_target_destroy(target);

	/* The notes are cut off: everything else is there. */
	image.size = CORE_DATA + 4 * PAGE + 4;
	target = open_core(&image);
	assert_int_equal(target->lwp_count, 0);
	assert_true(noted(target, "notes are cut off"));
	assert_int_equal(supplier_of(target, ANON, 'a'), PW_SUPPLIER_CORE);
	pw_target_destroy(target);
}

static void test_core_other_build(void **state)
{
	struct image image = {.size = 0};
	make_core(&image, library_file(8), &(struct shape){.build_id = 7});
	struct pw_target *target = open_core(&image);
	assert_int_equal(supplier_of(target, LIBRARY + PAGE, 0), PW_SUPPLIER_NONE);
	assert_true(noted(target, "08000000"));
	assert_true(noted(target, "07000000"));
	pw_target_destroy(target);
}

static void test_core_unchecked(void **state)
{
	struct image image = {.size = 0};
	make_core(&image, library_file(8), &(struct shape){.build_id = 0});
	struct pw_target *target = open_core(&image);
	assert_int_equal(supplier_of(target, LIBRARY + PAGE, 'T'), PW_SUPPLIER_FILE);
	assert_true(noted(target, "without a check of their build-id"));
	pw_target_destroy(target);
}

static void test_core_absent_file(void **state)
{
	struct image image = {.size = 0};
	make_core(&image, in_folder("nowhere"), &(struct shape){.build_id = 7});
	struct pw_target *target = open_core(&image);
	assert_int_equal(supplier_of(target, LIBRARY + PAGE, 0), PW_SUPPLIER_NONE);
	assert_true(noted(target, "not here"));
	pw_target_destroy(target);
}

/* Pages of a segment that may be written are never the file's, and never zero. */
static void test_core_relro(void **state)
{
	struct image image = {.size = 0};
	make_core(&image, library_file(7), &(struct shape){.build_id = 7, .relro = true});
	struct pw_target *target = open_core(&image);
	assert_int_equal(supplier_of(target, LIBRARY + 2 * PAGE, 0), PW_SUPPLIER_NONE);
	pw_target_destroy(target);
}

static void test_core_short_reads(void **state)
{
	struct image image = {.size = 0};
	char bytes[4 * PAGE];
	make_core(&image, library_file(7), &(struct shape){.build_id = 7});
	struct pw_target *target = open_core(&image);
	/* Over the seam of three mappings and two suppliers. */
	assert_null(pw_read(target, LIBRARY + 16, bytes, 3 * PAGE - 16));
	assert_int_equal(bytes[PAGE - 17], 'H');
	assert_int_equal(bytes[PAGE - 16], 'T');
	assert_int_equal(bytes[2 * PAGE - 16], 'd');
	struct pw_error *error = pw_read(target, ANON + 2 * PAGE - 8, bytes, 16);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	assert_int_equal(pw_error_address(error), ANON + 2 * PAGE);
	pw_error_destroy(error);
	assert_null(pw_read(target, 1, bytes, 0));
	error = pw_read(target, UINT64_MAX - 3, bytes, 16);
	assert_int_equal(pw_error_code(error), PW_ERROR_UNREADABLE);
	pw_error_destroy(error);
	error = pw_read_string(target, ANON + 2 * PAGE - 3, bytes, 100);
	assert_int_equal(pw_error_address(error), ANON + 2 * PAGE);
	pw_error_destroy(error);
	assert_null(pw_read_string(target, ANON + 2 * PAGE - 3, bytes, 3));
	assert_string_equal(bytes, "bbb");
	pw_target_destroy(target);

	/* Cut inside of the last segment. */
	image.size = CORE_DATA + 2 * PAGE + 100;
	target = open_core(&image);
	size_t done;
	assert_null(pw_read_some(target, ANON, bytes, PAGE, &done, NULL));
	assert_int_equal(done, 100);
	assert_true(noted(target, "8092 bytes of 1 of its 4 segments"));
	pw_target_destroy(target);
}

static void expect_refused(const void *bytes, size_t size, enum pw_error_code code,
			   const char *part)
{
	struct pw_target *target;
	write_file(in_folder("core"), bytes, size);
	struct pw_error *error = pw_target_open_core(in_folder("core"), NULL, &target);
	assert_non_null(error);
	if (!strstr(pw_error_message(error), part) || pw_error_code(error) != code)
		fail_msg("%d: %s", pw_error_code(error), pw_error_message(error));
	pw_error_destroy(error);
}

static void test_core_refused(void **state)
{
	struct image image = {.size = 0};
	struct pw_target *target;
	expect_refused("", 0, PW_ERROR_FORMAT, "is empty");
	expect_refused("hello\n", 6, PW_ERROR_FORMAT, "is a text file");
	expect_refused("\x00\x01", 2, PW_ERROR_FORMAT, "is not an ELF file");
	expect_refused("\x28\xb5\x2f\xfd....", 8, PW_ERROR_FORMAT, "zstd");
	expect_refused("\x7f"
		       "ELF\x01",
		       5, PW_ERROR_UNSUPPORTED, "32-bit");
	make_library(&image, 1);
	expect_refused(image.bytes, image.size, PW_ERROR_FORMAT, "is a shared library");
	make_core(&image, "/x", &(struct shape){.build_id = 7});
	expect_refused(image.bytes, 40, PW_ERROR_FORMAT, "cut in its ELF header");
	expect_refused(image.bytes, 200, PW_ERROR_FORMAT, "cut in its program headers");
	put_header(&image, ET_CORE, EM_S390, 5);
	expect_refused(image.bytes, image.size, PW_ERROR_UNSUPPORTED, "machine 22");
	put_header(&image, ET_CORE, EM_X86_64, PN_XNUM);
	expect_refused(image.bytes, image.size, PW_ERROR_FORMAT, "is cut");
	struct pw_error *error = pw_target_open_core(in_folder("none"), NULL, &target);
	assert_int_equal(pw_error_code(error), PW_ERROR_NO_TARGET);
	pw_error_destroy(error);
}

static void test_core_extended_numbering(void **state)
{
	struct image image = {.size = 0};
	make_core(&image, library_file(7), &(struct shape){.build_id = 7});
	Elf64_Ehdr header;
	memcpy(&header, image.bytes, sizeof(header));
	header.e_phnum = PN_XNUM;
	header.e_shoff = image.size;
	put(&image, 0, &header, sizeof(header));
	put(&image, image.size, &(Elf64_Shdr){.sh_info = 5}, sizeof(Elf64_Shdr));
	struct pw_target *target = open_core(&image);
	assert_int_equal(target->mapping_count, 4);
	pw_target_destroy(target);
}

/* Bytes of a good core changed at random, by a fixed sequence: whatever happens, it ends, and reads
 * are whole. */
static void test_core_fuzzed(void **state)
{
	uint32_t seed = 12345;
	const char *library = library_file(7);
	for (unsigned round = 0; round < 1500; round++) {
		struct image image = {.size = 0};
		make_core(&image, library, &(struct shape){.build_id = 7, .gcore = round & 1});
		for (unsigned i = 0; i < 1 + round % 16; i++) {
			seed = seed * 1664525 + 1013904223;
			uint32_t at = (seed >> 8) % (round & 1 ? 0x158 : 0xb00);
			if ((round & 2) && (round & 1))
				at = CORE_DATA + 4 * PAGE + (seed >> 8) % 0x700;
			image.bytes[at] = seed >> 4 & 1 ? 0xff : (uint8_t)(seed >> 24);
		}
		struct pw_target *target;
		write_file(in_folder("core"), image.bytes, image.size);
		struct pw_error *error = pw_target_open_core(in_folder("core"), NULL, &target);
		if (error) {
			pw_error_destroy(error);
			continue;
		}
		for (size_t i = 0; i < target->mapping_count; i++) {
			char bytes[64];
			const struct pw_mapping *mapping = &target->mappings[i];
			assert_true(mapping->start < mapping->end);
			assert_true(!i || mapping[-1].end <= mapping->start);
			pw_error_destroy(pw_read(target, mapping->start, bytes, sizeof(bytes)));
			pw_error_destroy(pw_read(target, mapping->end - 32, bytes, sizeof(bytes)));
		}
		pw_target_destroy(target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_kernel),
		cmocka_unit_test(test_core_gcore),
		cmocka_unit_test(test_core_other_build),
		cmocka_unit_test(test_core_unchecked),
		cmocka_unit_test(test_core_absent_file),
		cmocka_unit_test(test_core_relro),
		cmocka_unit_test(test_core_short_reads),
		cmocka_unit_test(test_core_refused),
		cmocka_unit_test(test_core_extended_numbering),
		cmocka_unit_test(test_core_fuzzed),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
