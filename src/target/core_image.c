/*
 * ELF headers and build-ids, of files on disk and of what a core holds of them: at most the headers
 * and the notes are read.
 */
#include "target/core.h"

#include <string.h>

enum { MAX_NOTE = 4096 };

static size_t image_read(const struct core_image *image, uint64_t offset, void *buffer,
			 size_t length)
{
	if (image->fd < 0)
		return core_read_segments(image->core, image->start + offset, buffer, length);
	if (offset > INT64_MAX)
		return 0;
	ssize_t got = pread(image->fd, buffer, length, (off_t)offset);
	return got < 0 ? 0 : (size_t)got;
}

/* Finds NT_GNU_BUILD_ID in the bytes of a PT_NOTE. */
static void find_build_id(struct core_image *image, const uint8_t *bytes, size_t size,
			  uint64_t align)
{
	uint64_t mask = align == 8 ? 7 : 3;
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		memcpy(&note, bytes, sizeof(note));
		uint64_t desc_at = sizeof(note) + (((uint64_t)note.n_namesz + 3) & ~UINT64_C(3));
		desc_at = (desc_at + mask) & ~mask;
		uint64_t next = (desc_at + note.n_descsz + mask) & ~mask;
		if (desc_at + note.n_descsz > size)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(bytes + sizeof(note), "GNU", 4) && note.n_descsz &&
		    note.n_descsz <= CORE_BUILD_ID_MAX) {
			memcpy(image->build_id, bytes + desc_at, note.n_descsz);
			image->build_id_length = note.n_descsz;
			return;
		}
		if (next >= size)
			return;
		bytes += next;
		size -= next;
	}
}

void core_image_read(struct core_image *image)
{
	Elf64_Ehdr header;
	image->first_length = image_read(image, 0, image->first, sizeof(image->first));
	if (image->first_length < sizeof(header))
		return;
	memcpy(&header, image->first, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > CORE_MAX_PHDRS)
		return;
	size_t size = header.e_phnum * sizeof(Elf64_Phdr);
	if (image_read(image, header.e_phoff, image->phdrs, size) < size)
		return;
	image->phdr_count = header.e_phnum;
	image->entry = header.e_entry;
	for (unsigned i = 0; i < image->phdr_count && !image->is_elf; i++) {
		if (image->phdrs[i].p_type != PT_LOAD)
			continue;
		image->is_elf = true;
		image->first_vaddr = pw_page_down(image->phdrs[i].p_vaddr);
	}
	for (unsigned i = 0; i < image->phdr_count && !image->build_id_length; i++) {
		const Elf64_Phdr *phdr = &image->phdrs[i];
		uint8_t bytes[MAX_NOTE];
		if (phdr->p_type != PT_NOTE || phdr->p_filesz > sizeof(bytes))
			continue;
		/* In memory it is found by its address. */
		uint64_t at = image->fd < 0 ? phdr->p_vaddr - image->first_vaddr : phdr->p_offset;
		size_t got = image_read(image, at, bytes, (size_t)phdr->p_filesz);
		find_build_id(image, bytes, got, phdr->p_align);
	}
}
