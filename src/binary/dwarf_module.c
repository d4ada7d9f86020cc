/*
 * Debug information of a module of a target.  Apart from dwarf_types.c so that programs without a
 * target can do without it.
 */
#include "binary/dwarf_open.h"
#include "binary/dwarf_types.h"
#include "binary/elf_private.h"

struct pw_error *pw_dwarf_open(struct pw_modules *modules, struct pw_module *module,
			       struct pw_dwarf **ret)
{
	struct pw_debug_info info;
	struct pw_dwarf_file file = {0};

	if (pw_debug_info_init(&info, modules, module, 0))
		file = (struct pw_dwarf_file){.dwarf = info.dwarf,
					      .alternate = info.alternate,
					      .alternate_elf = info.alternate_elf};
	return pw_dwarf_create(&file, ret);
}
