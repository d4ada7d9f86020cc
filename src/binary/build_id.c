/*
 * ELF headers and build-ids, read from a target's memory or from a file.
 *
 * Read from the System V gABI (program header, note section) and <elf.h>; NT_GNU_BUILD_ID as ld
 * writes it.
 */
#include "binary/elf_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NOTES_MAX = 64 << 10 };

static bool read_memory(const struct pw_bytes *bytes, uint64_t position, void *buffer,
			size_t length)
{
	enum pw_supplier supplier = PW_SUPPLIER_NONE;
	size_t done = 0;
	pw_auto_error struct pw_error *error = pw_read_some(bytes->target, bytes->base + position,
							    buffer, length, &done, &supplier);
	if (error || done != length)
		return false;
	if (supplier == PW_SUPPLIER_FILE && bytes->from_file)
		*bytes->from_file = true;
	return true;
}

static bool read_file(const struct pw_bytes *bytes, uint64_t position, void *buffer, size_t length)
{
	size_t done = 0;

	while (done < length) {
		if (position > INT64_MAX - length)
			return false;
		ssize_t n = pread(bytes->fd, (char *)buffer + done, length - done,
				  (off_t)(position + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

struct pw_bytes pw_bytes_memory(struct pw_target *target, uint64_t base, bool *from_file)
{
	return (struct pw_bytes){.read = read_memory,
				 .target = target,
				 .base = base,
				 .from_file = from_file,
				 .fd = -1};
}

struct pw_bytes pw_bytes_file(int fd)
{
	return (struct pw_bytes){.read = read_file, .fd = fd};
}

static bool is_usable(const Elf64_Ehdr *ehdr, uint16_t machine)
{
	return memcmp(ehdr->e_ident, ELFMAG, SELFMAG) == 0 &&
	       ehdr->e_ident[EI_CLASS] == ELFCLASS64 && ehdr->e_ident[EI_DATA] == ELFDATA2LSB &&
	       (ehdr->e_type == ET_EXEC || ehdr->e_type == ET_DYN) &&
	       (!machine || ehdr->e_machine == machine) &&
	       ehdr->e_phentsize == sizeof(Elf64_Phdr) && ehdr->e_phnum > 0 &&
	       ehdr->e_phnum <= PW_PHDR_MAX;
}

bool pw_elf_headers_read(const struct pw_bytes *bytes, uint16_t machine, struct pw_elf_headers *ret)
{
	Elf64_Ehdr ehdr;

	if (!bytes->read(bytes, 0, &ehdr, sizeof(ehdr)) || !is_usable(&ehdr, machine))
		return false;
	size_t size = ehdr.e_phnum * sizeof(Elf64_Phdr);
	Elf64_Phdr *phdrs = malloc(size);
	if (!phdrs)
		return false;
	if (!bytes->read(bytes, ehdr.e_phoff, phdrs, size)) {
		free(phdrs);
		return false;
	}
	*ret = (struct pw_elf_headers){.ehdr = ehdr, .phdrs = phdrs, .phdr_count = ehdr.e_phnum};
	return true;
}

void pw_elf_headers_deinit(struct pw_elf_headers *headers)
{
	free(headers->phdrs);
	*headers = (struct pw_elf_headers){0};
}

static size_t align_up(size_t value, size_t align)
{
	return (value + align - 1) & ~(align - 1);
}

size_t pw_note_build_id(const uint8_t *notes, size_t length, size_t align,
			uint8_t ret[PW_BUILD_ID_MAX])
{
	/* A segment of alignment 8 pads its notes to 8 bytes (.note.gnu.property), all others to 4.
	 */
	align = align == 8 ? 8 : 4;
	for (size_t at = 0; at < length && length - at >= sizeof(Elf64_Nhdr);) {
		Elf64_Nhdr note;
		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		size_t left = length - at;
		if (note.n_namesz > left)
			return 0;
		size_t desc = align_up(sizeof(note) + note.n_namesz, align) - sizeof(note);
		if (desc > left || note.n_descsz > left - desc)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz > 0) {
			size_t n =
				note.n_descsz < PW_BUILD_ID_MAX ? note.n_descsz : PW_BUILD_ID_MAX;
			memcpy(ret, notes + at + desc, n);
			return n;
		}
		at += align_up(desc + note.n_descsz, 4);
		if (align == 8)
			at = align_up(at, 8);
	}
	return 0;
}

size_t pw_elf_build_id(const struct pw_bytes *bytes, const struct pw_elf_headers *headers,
		       bool by_address, uint8_t ret[PW_BUILD_ID_MAX])
{
	for (size_t i = 0; i < headers->phdr_count; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		if (phdr->p_type != PT_NOTE || phdr->p_filesz == 0 || phdr->p_filesz > NOTES_MAX)
			continue;
		uint8_t *notes = malloc(phdr->p_filesz);
		size_t length = 0;
		if (notes && bytes->read(bytes, by_address ? phdr->p_vaddr : phdr->p_offset, notes,
					 phdr->p_filesz))
			length = pw_note_build_id(notes, phdr->p_filesz, phdr->p_align, ret);
		free(notes);
		if (length)
			return length;
	}
	return 0;
}
