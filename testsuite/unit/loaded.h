/* A target made of one shared object, loaded at LOAD_BASE, and a stack of words. Include after
 * rows.h. */
#ifndef TEST_LOADED_H
#define TEST_LOADED_H

#include "binary/module.h"

enum { LOAD_BASE = 0x10000000, STACK_BASE = 0x70000000, STACK_WORDS = 512, IMAGE_SIZE = 0x10000 };

struct loaded {
	struct pw_target base;
	struct pw_modules *modules;
	uint8_t image[IMAGE_SIZE];
	uint64_t stack[STACK_WORDS];
};

static struct pw_error *loaded_read(struct pw_target *target, uint64_t address, void *buffer,
				    size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct loaded *loaded = (struct loaded *)target;
	const uint8_t *bytes = loaded->image;
	uint64_t start = LOAD_BASE, size = sizeof(loaded->image);
	if (address >= STACK_BASE) {
		bytes = (const uint8_t *)loaded->stack;
		start = STACK_BASE;
		size = sizeof(loaded->stack);
	}
	*ret_done = 0;
	*ret_supplier = PW_SUPPLIER_PROCESS;
	if (address < start || address - start >= size)
		return NULL;
	*ret_done = length < size - (address - start) ? length : size - (address - start);
	memcpy(buffer, bytes + (address - start), *ret_done);
	return NULL;
}

static void loaded_segments(struct loaded *loaded, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	size_t count = 0, size = 0;
	const uint8_t *bytes = (const uint8_t *)elf_rawfile(elf, &size);
	assert_int_equal(elf_getphdrnum(elf, &count), 0);
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;
		gelf_getphdr(elf, (int)i, &phdr);
		if (phdr.p_type != PT_LOAD)
			continue;
		assert_in_range(phdr.p_vaddr + phdr.p_memsz, 1, IMAGE_SIZE);
		memcpy(loaded->image + phdr.p_vaddr, bytes + phdr.p_offset, phdr.p_filesz);
		struct pw_mapping mapping = {
			.start = LOAD_BASE + (phdr.p_vaddr & ~UINT64_C(0xfff)),
			.end = LOAD_BASE +
			       ((phdr.p_vaddr + phdr.p_memsz + 0xfff) & ~UINT64_C(0xfff)),
			.offset = phdr.p_offset & ~UINT64_C(0xfff),
			.readable = true,
			.writable = phdr.p_flags & PF_W,
			.executable = phdr.p_flags & PF_X,
			.path = (char *)path,
			.host_path = (char *)path,
		};
		assert_null(pw_target_add_mapping(&loaded->base, &mapping));
	}
	elf_end(elf);
	close(fd);
}

static void load(struct loaded *loaded, const char *path)
{
	static const struct pw_target_ops ops = {.kind = "process", .read = loaded_read};
	*loaded = (struct loaded){.base = {.ops = &ops, .arch = &pw_arch_x86_64, .root = ""}};
	elf_version(EV_CURRENT);
	loaded_segments(loaded, path);
	struct pw_mapping stack = {.start = STACK_BASE,
				   .end = STACK_BASE + sizeof(loaded->stack),
				   .readable = true,
				   .writable = true,
				   .path = (char *)"[stack]"};
	assert_null(pw_target_add_mapping(&loaded->base, &stack));
	assert_null(pw_modules_create(&loaded->base, "/nonexistent", &loaded->modules));
}

static void unload(struct loaded *loaded)
{
	pw_modules_destroy(loaded->modules);
	for (size_t i = 0; i < loaded->base.mapping_count; i++) {
		free(loaded->base.mappings[i].path);
		free(loaded->base.mappings[i].host_path);
	}
	free(loaded->base.mappings);
}

static uint64_t symbol(struct loaded *loaded, const char *name)
{
	struct pw_symbol found;
	if (!pw_modules_symbol(loaded->modules, name, &found, NULL))
		fail_msg("no symbol %s", name);
	return found.address;
}

#endif
