/*
 * Debug information of a module of a target.  Apart from dwarf_open.c so that programs without a
 * target can do without it.
 */
#include "base/buffer.h"
#include "binary/dwarf_open.h"
#include "binary/dwarf_types.h"

#include <stdlib.h>
#include <unistd.h>

/* ROOT DIR/.build-id/ab/cdef.debug, NULL when it is not there. */
static char *find_by_build_id(const char *root, const char *dir, const struct pw_module *module)
{
	pw_auto_buffer struct pw_buffer path;
	pw_buffer_init(&path);
	pw_buffer_printf(&path, "%s%s/.build-id/%02x/", root, dir, module->build_id[0]);
	for (size_t i = 1; i < module->build_id_length; i++)
		pw_buffer_printf(&path, "%02x", module->build_id[i]);
	pw_buffer_append_string(&path, ".debug");
	if (path.failed || access(path.data, R_OK) != 0)
		return NULL;
	return pw_buffer_steal(&path);
}

static struct pw_error *open_module(struct pw_dwarf_file *file, struct pw_modules *modules,
				    struct pw_module *module)
{
	const char *debug_dir = modules->debug_dir ? modules->debug_dir : pw_default_debug_dir;
	const char *root = modules->target->root ? modules->target->root : "";
	*file = (struct pw_dwarf_file){0};
	const struct pw_mapping *mapping = pw_target_mapping(modules->target, module->start);
	if (mapping && mapping->host_path) {
		pw_auto_error struct pw_error *error =
			pw_dwarf_file_init(file, mapping->host_path, debug_dir, root,
					   module->build_id, module->build_id_length);
		if (!error && file->dwarf)
			return NULL;
		if (!error)
			pw_dwarf_file_deinit(file);
	}
	if (module->build_id_length == 0)
		return NULL;
	char *path = find_by_build_id("", debug_dir, module);
	if (!path && root[0])
		path = find_by_build_id(root, debug_dir, module);
	if (!path)
		return NULL;
	struct pw_error *error = pw_dwarf_file_init(file, path, debug_dir, root, module->build_id,
						    module->build_id_length);
	free(path);
	return error;
}

struct pw_error *pw_dwarf_open(struct pw_modules *modules, struct pw_module *module,
			       struct pw_dwarf **ret)
{
	struct pw_dwarf_file file;
	struct pw_error *error = open_module(&file, modules, module);
	return error ? error : pw_dwarf_create(&file, ret);
}
