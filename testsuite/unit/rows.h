/* ELF files with call-frame information, and their rows. Include after <cmocka.h>
 * and folder.h. */
#ifndef TEST_ROWS_H
#define TEST_ROWS_H

#include "binary/elf_private.h"
#include "binary/fde.h"

#include "fail.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 0x4000 };

/* The bytes of a section that must be there. */
static inline const uint8_t *find_section(Elf *elf, const char *name, GElf_Shdr *ret)
{
	size_t names = 0, size;
	elf_getshdrstrndx(elf, &names);
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		const char *bytes = elf_rawfile(elf, &size);
		gelf_getshdr(scn, ret);
		if (bytes && !strcmp(elf_strptr(elf, names, ret->sh_name), name))
			return (const uint8_t *)bytes + ret->sh_offset;
	}
	fail_for_good("no section %s", name);
}

struct cfi_file {
	int fd;
	Elf *elf;
	struct pw_fde_section section;
	struct pw_range *ranges;
	size_t range_count;
	const struct pw_abi *abi;
};

static inline void cfi_open(struct cfi_file *file, const char *path)
{
	GElf_Ehdr ehdr = {0};
	*file = (struct cfi_file){0};
	GElf_Shdr shdr = {0};
	elf_version(EV_CURRENT);
	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(gelf_getehdr(file->elf, &ehdr));
	file->abi = pw_abi_by_machine(ehdr.e_machine);
	assert_non_null(file->abi);
	file->section.bytes = find_section(file->elf, ".eh_frame", &shdr);
	file->section.length = shdr.sh_size;
	file->section.address = shdr.sh_addr;
	file->range_count = pw_fde_ranges(&file->section, &file->ranges);
	if (!file->range_count || !file->ranges)
		fail_for_good("no call-frame information in %s", path);
}

static inline void cfi_close(struct cfi_file *file)
{
	free(file->ranges);
	elf_end(file->elf);
	close(file->fd);
}

/* NULL: there is none, or it cannot be compiled. */
static inline struct pw_row *cfi_row(const struct cfi_file *file, uint64_t address, uint64_t bias)
{
	size_t low = 0, high = file->range_count;
	struct pw_fde fde;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (file->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= file->ranges[low - 1].end)
		return NULL;
	assert_true(pw_fde_read(&file->section, file->ranges[low - 1].offset, &fde));
	return pw_fde_row(&file->section, &fde, file->abi, address, bias);
}

/* The rule for a register; NULL: none. */
static inline const struct pw_rule *rule_of(const struct pw_row *row, int number)
{
	for (unsigned i = 0; i < row->rule_count; i++)
		if (row->rules[i].target == number)
			return &row->rules[i];
	return NULL;
}

/* A shared object with one function, at TEXT. */
static inline const char *assemble(const char *body, const char *options)
{
	const char *source = in_folder("a.s"), *object = in_folder("a.so");
	char command[1400], text[8192];
	int length =
		snprintf(text, sizeof(text),
			 ".text\n.globl f\nf:\nlocal:\n.cfi_startproc\n%s\n.cfi_endproc\n", body);
	assert_in_range(length, 1, (int)sizeof(text) - 1);
	write_file(source, text, (size_t)length);
	snprintf(command, sizeof(command),
		 "as --64 -o '%s.o' '%s' && ld -shared --eh-frame-hdr -Ttext=%#x %s -o '%s' '%s.o'",
		 source, source, (unsigned)TEXT, options, object, source);
	assert_int_equal(system(command), 0);
	return object;
}

/* What is assembled here is x86-64's. */
static inline void need_x86_64(void)
{
	if (pw_arch_host() != &pw_arch_x86_64)
		skip();
}

#endif
