#include "binary/dwarf_open.h"

#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char pw_default_debug_dir[] = "/usr/lib/debug";

/* libdwfl keeps pointers to both, so they live together as long as the Dwfl. */
struct callbacks {
	Dwfl_Callbacks base;
	char *debuginfo_path;
	char text[];
};

static struct callbacks *callbacks_create(const char *debug_dir, const char *root)
{
	const char *dir = debug_dir && debug_dir[0] ? debug_dir : pw_default_debug_dir;
	size_t size = sizeof(":.debug::") + 2 * strlen(dir) + strlen(root);
	struct callbacks *callbacks = calloc(1, sizeof(*callbacks) + size);
	if (!callbacks)
		return NULL;
	char *end = callbacks->text;
	end = stpcpy(stpcpy(end, ":.debug:"), dir);
	if (root[0])
		stpcpy(stpcpy(stpcpy(end, ":"), root), dir);
	callbacks->debuginfo_path = callbacks->text;
	callbacks->base = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &callbacks->debuginfo_path,
	};
	return callbacks;
}

static bool same_build(Dwfl_Module *module, const uint8_t *build_id, size_t length)
{
	const unsigned char *bits;
	GElf_Addr address;
	int found = dwfl_module_build_id(module, &bits, &address);
	return length == 0 ||
	       (found > 0 && (size_t)found == length && memcmp(bits, build_id, length) == 0);
}

struct pw_error *pw_dwarf_file_init(struct pw_dwarf_file *file, const char *path,
				    const char *debug_dir, const char *root,
				    const uint8_t *build_id, size_t build_id_length)
{
	if (access(path, R_OK) != 0)
		return pw_error_from_errno(errno, "%s", path);
	struct callbacks *callbacks = callbacks_create(debug_dir, root);
	if (!callbacks)
		return &pw_error_nomem;
	*file = (struct pw_dwarf_file){.callbacks = &callbacks->base,
				       .dwfl = dwfl_begin(&callbacks->base)};
	if (!file->dwfl) {
		pw_dwarf_file_deinit(file);
		return &pw_error_nomem;
	}
	Dwfl_Module *module = dwfl_report_offline(file->dwfl, path, path, -1);
	if (!module) {
		pw_dwarf_file_deinit(file);
		return pw_error_create(PW_ERROR_FORMAT, "%s: not an ELF file: %s", path,
				       dwfl_errmsg(-1));
	}
	dwfl_report_end(file->dwfl, NULL, NULL);
	Dwarf_Addr bias;
	if (same_build(module, build_id, build_id_length))
		file->dwarf = dwfl_module_getdwarf(module, &bias);
	return NULL;
}

void pw_dwarf_file_deinit(struct pw_dwarf_file *file)
{
	if (file->dwfl)
		dwfl_end(file->dwfl);
	else
		dwarf_end(file->dwarf);
	dwarf_end(file->alternate);
	elf_end(file->alternate_elf);
	free(file->callbacks);
	*file = (struct pw_dwarf_file){0};
}
