/*
 * A hostile ELF file as a module: in memory as a loader would map it, and on disk as "/lib.so" of a
 * root of its own.  A link to a debug file can only lead to the file itself.
 */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include "fuzz.h"

#include "binary/module.h"

#include <elf.h>

enum { IMAGE_PAGE = 4096, IMAGE_MAX = 1 << 20, IMAGE_LOADS = 8 };
static const uint64_t image_base = 0x7f0000000000;

/* What the target's memory holds: the file as a loader would map it. */
struct image {
	const uint8_t *data;
	size_t size;
	struct load {
		uint64_t start, size, offset;
	} loads[IMAGE_LOADS];
	size_t load_count;
	uint64_t extent;
};

static inline void image_init(struct image *image, const uint8_t *data, size_t size)
{
	Elf64_Ehdr header;
	Elf64_Phdr phdr;
	*image = (struct image){.data = data, .size = size, .extent = size};
	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	for (unsigned i = 0; i < header.e_phnum && image->load_count < IMAGE_LOADS; i++) {
		uint64_t at = header.e_phoff + i * sizeof(phdr);
		if (at > size || size - at < sizeof(phdr))
			break;
		memcpy(&phdr, data + at, sizeof(phdr));
		if (phdr.p_type != PT_LOAD || phdr.p_vaddr > IMAGE_MAX || phdr.p_memsz > IMAGE_MAX)
			continue;
		image->loads[image->load_count++] =
			(struct load){phdr.p_vaddr, phdr.p_filesz, phdr.p_offset};
		if (phdr.p_vaddr + phdr.p_memsz > image->extent)
			image->extent = phdr.p_vaddr + phdr.p_memsz;
	}
	image->extent = (image->extent + IMAGE_PAGE - 1) & ~(uint64_t)(IMAGE_PAGE - 1);
}

static inline bool image_byte(const struct image *image, uint64_t at, uint8_t *ret)
{
	for (size_t i = 0; i < image->load_count; i++) {
		const struct load *load = &image->loads[i];
		if (at < load->start || at - load->start >= load->size)
			continue;
		at = load->offset + (at - load->start);
		break;
	}
	if (at < image->size)
		*ret = image->data[at];
	return at < image->size;
}

static inline bool image_read(void *data, uint64_t address, void *buffer, size_t length)
{
	const struct image *image = data;
	if (address < image_base || address - image_base > image->extent ||
	    length > image->extent - (address - image_base))
		return false;
	memset(buffer, 0, length);
	for (size_t i = 0; i < length; i++)
		image_byte(image, address - image_base + i, (uint8_t *)buffer + i);
	return true;
}

static char image_folder[] = "/tmp/pywalk-fuzz-XXXXXX";
static char image_path[64];

static inline void image_remove(void)
{
	unlink(image_path);
	rmdir(image_folder);
}

static inline void image_write(const uint8_t *data, size_t size)
{
	if (!image_path[0]) {
		FUZZ_EXPECT(mkdtemp(image_folder));
		snprintf(image_path, sizeof(image_path), "%s/lib.so", image_folder);
		atexit(image_remove);
	}
	FILE *file = fopen(image_path, "wb");
	FUZZ_EXPECT(file && fwrite(data, 1, size, file) == size);
	fclose(file);
}

/* Asks `ask` about the image, mapped under a name. */
static inline void image_open(struct image *image, const char *path,
			      void (*ask)(struct pw_modules *modules, uint64_t extent))
{
	const struct pw_reader_mapping mapping = {
		.start = image_base,
		.end = image_base + image->extent,
		.path = path,
		.executable = true,
	};
	const struct pw_reader reader = {
		.size = sizeof(reader),
		.read = image_read,
		.data = image,
		.mappings = &mapping,
		.mapping_count = 1,
	};
	const struct pw_options options = {.size = sizeof(options), .sysroot = image_folder};
	struct pw_target *target;
	struct pw_modules *modules;
	pw_auto_error struct pw_error *error = pw_target_open_callback(&reader, &options, &target);
	FUZZ_EXPECT(!error);
	pw_auto_error struct pw_error *failed = pw_modules_create(target, image_folder, &modules);
	if (!failed) {
		ask(modules, image->extent);
		pw_modules_destroy(modules);
	}
	pw_target_destroy(target);
}

#endif
