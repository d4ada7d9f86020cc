/*
 * ELF files on disk, through libelf: opening, sections, symbol tables.
 *
 * A file's contents are as hostile as a target's memory: every table is checked before use.
 */
#include "binary/elf_private.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pw_open_regular(const char *path)
{
	struct stat st;

	/* Opening a device can have effects: look before. */
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	return fd;
}

Elf *pw_elf_open(const char *path)
{
	int fd = pw_open_regular(path);
	if (fd < 0)
		return NULL;
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	/* Everything is mapped (or read) now: hundreds of modules must not hold hundreds of
	 * descriptors. */
	if (elf && elf_cntl(elf, ELF_C_FDREAD) != 0) {
		elf_end(elf);
		elf = NULL;
	}
	close(fd);
	/* What gelf copies out may stand at any address; elf64_getehdr() and its like point into
	 * the file. */
	GElf_Ehdr ehdr;
	if (elf && (gelf_getclass(elf) != ELFCLASS64 || !gelf_getehdr(elf, &ehdr) ||
		    ehdr.e_ident[EI_DATA] != ELFDATA2LSB)) {
		elf_end(elf);
		elf = NULL;
	}
	return elf;
}

Elf_Scn *pw_elf_section(Elf *elf, const char *name, Elf64_Shdr *ret)
{
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return NULL;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr shdr;
		const char *s =
			gelf_getshdr(scn, &shdr) ? elf_strptr(elf, strings, shdr.sh_name) : NULL;
		if (s && strcmp(s, name) == 0) {
			*ret = shdr;
			return scn;
		}
	}
	return NULL;
}

static void add_table(struct pw_symtabs *tables, Elf *elf, Elf_Scn *scn, const Elf64_Shdr *shdr)
{
	if (tables->count == PW_SYMTAB_MAX || shdr->sh_entsize != sizeof(Elf64_Sym))
		return;
	Elf_Scn *string_scn = elf_getscn(elf, shdr->sh_link);
	GElf_Shdr string_shdr;
	if (!string_scn || !gelf_getshdr(string_scn, &string_shdr) ||
	    string_shdr.sh_type != SHT_STRTAB)
		return;
	Elf_Data *symbols = elf_getdata(scn, NULL), *strings = elf_getdata(string_scn, NULL);
	if (!symbols || !strings || !symbols->d_buf || !strings->d_buf ||
	    (uintptr_t)symbols->d_buf % _Alignof(Elf64_Sym))
		return;
	size_t size = strings->d_size;
	const char *text = strings->d_buf;
	while (size > 0 && text[size - 1] != '\0')
		size--;
	if (size == 0)
		return;
	tables->tables[tables->count++] = (struct pw_symtab){
		.symbols = symbols->d_buf,
		.count = symbols->d_size / sizeof(Elf64_Sym),
		.strings = text,
		.strings_size = size,
		.elf = elf,
		.full = shdr->sh_type == SHT_SYMTAB,
	};
}

void pw_symtabs_add_elf(struct pw_symtabs *tables, Elf *elf, bool dynamic)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};

	for (size_t i = 0; i < (dynamic ? 2 : 1); i++) {
		Elf_Scn *scn = NULL;
		while ((scn = elf_nextscn(elf, scn))) {
			GElf_Shdr shdr;
			if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != types[i])
				continue;
			add_table(tables, elf, scn, &shdr);
			break;
		}
	}
}

void pw_symtabs_deinit(struct pw_symtabs *tables)
{
	for (size_t i = 0; i < tables->count; i++) {
		free(tables->tables[i].owned_symbols);
		free(tables->tables[i].owned_strings);
	}
	*tables = (struct pw_symtabs){0};
}
