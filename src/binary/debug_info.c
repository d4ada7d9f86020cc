/*
 * The DWARF of a module, by libdw, in the file that its symbols were read from: opened once.
 */
#include "binary/elf_private.h"

#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <string.h>

static const uint64_t sane_max = 1ull << 30; /* inflated bytes of all sections of a file */

static bool is_debug_section(const char *name)
{
	return strncmp(name, ".debug_", 7) == 0 || strncmp(name, ".zdebug_", 8) == 0;
}

/* What a compressed section claims to be. */
static uint64_t inflated_size(Elf_Scn *scn, const Elf64_Shdr *shdr, const char *name)
{
	GElf_Chdr chdr;
	uint64_t size;

	if (shdr->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(scn, &chdr) ? chdr.ch_size : 0;
	if (name[1] != 'z')
		return 0;
	/* GNU's older form: "ZLIB" and a big-endian size. */
	Elf_Data *data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf || data->d_size < 12)
		return 0;
	memcpy(&size, (const char *)data->d_buf + 4, sizeof(size));
	return be64toh(size);
}

/*
 * libdw inflates all compressed sections when it opens a file.  Locations of variables, often the
 * largest part, are never asked for here: such a section counts as empty.  The header is the copy
 * in our memory.  false: no debug information, or more than there should be.
 */
static bool prepare_sections(Elf *elf, uint64_t inflate_max)
{
	uint64_t total = 0;
	size_t strings;
	bool found = false;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return false;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr shdr;
		const char *name =
			gelf_getshdr(scn, &shdr) ? elf_strptr(elf, strings, shdr.sh_name) : NULL;
		if (!name || !is_debug_section(name) || shdr.sh_type == SHT_NOBITS)
			continue;
		const char *kind = strchr(name, '_') + 1;
		found |= strcmp(kind, "info") == 0;
		uint64_t size = inflated_size(scn, &shdr, name);
		if (size && (strncmp(kind, "loc", 3) == 0 || strncmp(kind, "mac", 3) == 0)) {
			shdr.sh_type = SHT_NOBITS;
			gelf_update_shdr(scn, &shdr);
			continue;
		}
		if (size > inflate_max - total)
			return false;
		total += size;
	}
	return found;
}

static Dwarf *open_dwarf(Elf *elf, uint64_t inflate_max)
{
	return elf && prepare_sections(elf, inflate_max) ? dwarf_begin_elf(elf, DWARF_C_READ, NULL)
							 : NULL;
}

/* libdw would look for it by itself, in the standard place alone. */
static void add_alternate(struct pw_debug_info *info, struct pw_modules *modules,
			  uint64_t inflate_max)
{
	const char *name;
	const void *id;
	ssize_t length = dwelf_dwarf_gnu_debugaltlink(info->dwarf, &name, &id);

	if (length <= 0 || length > PW_BUILD_ID_MAX)
		return;
	info->alternate_elf = pw_debug_file_alternate(modules, name, id, (size_t)length);
	info->alternate = open_dwarf(info->alternate_elf, inflate_max);
	if (info->alternate)
		dwarf_setalt(info->dwarf, info->alternate);
}

bool pw_debug_info_init(struct pw_debug_info *info, struct pw_modules *modules,
			struct pw_module *module, uint64_t inflate_max)
{
	struct pw_elf *elf = module->elf;

	*info = (struct pw_debug_info){0};
	if (elf->is_vdso)
		return false;
	if (!inflate_max || inflate_max > sane_max)
		inflate_max = sane_max;
	pw_elf_ensure(modules, module);
	info->dwarf = open_dwarf(elf->elf, inflate_max);
	if (!info->dwarf) {
		pw_elf_ensure_debug(modules, module);
		info->dwarf = open_dwarf(elf->debug_elf, inflate_max);
	}
	if (!info->dwarf && pw_debug_file_fetch(modules, module))
		info->dwarf = open_dwarf(elf->debug_elf, inflate_max);
	if (info->dwarf)
		add_alternate(info, modules, inflate_max);
	return info->dwarf;
}

void pw_debug_info_deinit(struct pw_debug_info *info)
{
	if (info->dwarf)
		dwarf_end(info->dwarf);
	if (info->alternate)
		dwarf_end(info->alternate);
	elf_end(info->alternate_elf);
	*info = (struct pw_debug_info){0};
}
