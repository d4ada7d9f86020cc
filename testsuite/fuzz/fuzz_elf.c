/*
 * A hostile ELF file: headers, build-id, symbol tables, .gnu_debuglink, .gnu_debugdata, the
 * function ranges and call-frame rows of .eh_frame; as a file on disk, as what memory holds of it,
 * and as a vdso.  Input: the file.
 */
#include "elf_image.h"

#include "binary/cfi.h"
#include "binary/names.h"

static void ask_symbols(struct pw_modules *modules, struct pw_module *module, uint64_t extent)
{
	static const char *const names[] = {"_PyRuntime", "needle", "", "main"};
	struct pw_symbol symbol;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pw_module_symbol(modules, module, names[i], &symbol))
			FUZZ_EXPECT(strcmp(symbol.name, names[i]) == 0 ||
				    symbol.name[strlen(names[i])] == '@');
	for (uint64_t at = 0; at < extent; at += extent / 61 + 1) {
		uint64_t start, end;
		if (pw_modules_symbolize(modules, image_base + at, &symbol, NULL))
			FUZZ_EXPECT(symbol.name[0] && symbol.address <= image_base + at);
		if (pw_module_function(modules, image_base + at, &start, &end))
			FUZZ_EXPECT(start <= image_base + at && image_base + at < end);
		pw_modules_row(modules, image_base + at);
		FUZZ_EXPECT(pw_modules_names(modules, image_base + at, false));
	}
}

static void ask(struct pw_modules *modules, uint64_t extent)
{
	for (size_t i = 0; i < modules->count; i++) {
		struct pw_module *module = &modules->items[i];
		uint64_t address, size, ranges[4][2];
		FUZZ_EXPECT(module->build_id_length <= PW_BUILD_ID_MAX);
		ask_symbols(modules, module, extent);
		if (pw_module_section(modules, module, ".PyRuntime", &address, &size))
			FUZZ_EXPECT(address + size >= address || module->bias);
		size_t count = pw_module_writable(modules, module, ranges, 4);
		count += pw_module_readonly(modules, module, ranges, 4);
		FUZZ_EXPECT(count <= 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image image;
	if (!size || size > IMAGE_MAX)
		return 0;
	image_write(data, size);
	image_init(&image, data, size);
	image_open(&image, "/lib.so", ask);
	image_open(&image, "/absent.so", ask);
	image_open(&image, "[vdso]", ask);
	return 0;
}
