/*
 * Hostile debug information: source lines and inlined functions, and the layout of types.  Input:
 * an ELF file.
 */
#include "elf_image.h"

#include "binary/dwarf_types.h"
#include "binary/names.h"

static void ask_types(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_dwarf *dwarf = NULL;
	struct pw_member member;
	int64_t value;
	pw_auto_error struct pw_error *error = pw_dwarf_open(modules, module, &dwarf);
	if (error || !dwarf)
		return;
	pw_dwarf_member(dwarf, "outer", "middle.inner[1].leaf", &member);
	pw_dwarf_member(dwarf, "outer_t", "", &member);
	pw_dwarf_member(dwarf, "outer", "bits", &member);
	pw_dwarf_enumerator(dwarf, "SECOND", &value);
	pw_dwarf_close(dwarf);
}

static void ask(struct pw_modules *modules, uint64_t extent)
{
	for (uint64_t at = 0; at < extent; at += extent / 61 + 1) {
		const struct pw_names *names = pw_modules_names(modules, image_base + at, true);
		for (size_t i = 0; i < names->count; i++)
			FUZZ_EXPECT(names->items[i].line >= 0 &&
				    names->items[i].inlined == (i + 1 < names->count));
	}
	for (size_t i = 0; i < modules->count; i++)
		ask_types(modules, &modules->items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	if (!size || size > IMAGE_MAX)
		return 0;
	image_write(data, size);
	image_init(&image, data, size);
	image_open(&image, "/lib.so", ask);
	return 0;
}
