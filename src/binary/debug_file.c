/*
 * Separate debug files: found by build-id, by .gnu_debuglink, or within the file as .gnu_debugdata;
 * by debuginfod; and the files that several debug files share.
 *
 * Read from GDB's manual ("Debugging Information in Separate Files", "MiniDebugInfo").  A debug
 * file is used when its build-id is the module's, or, for want of one, when its CRC is the link's.
 */
#include "base/buffer.h"
#include "binary/debuginfod.h"
#include "binary/elf_private.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The CRC-32 of .gnu_debuglink (polynomial 0xedb88320, as in zlib) of a whole file. */
static bool file_crc(const char *path, uint32_t *ret)
{
	uint32_t table[256];
	uint8_t block[32 << 10];
	uint32_t crc = ~0u;
	ssize_t n;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = (table[i] >> 1) ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	int fd = pw_open_regular(path);
	if (fd < 0)
		return false;
	while ((n = read(fd, block, sizeof(block))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ block[i]) & 0xff] ^ (crc >> 8);
	}
	close(fd);
	*ret = ~crc;
	return n == 0;
}

/* `crc` NULL: only a build-id can vouch for the file. */
static Elf *open_matching(const struct pw_module *module, const char *path, const uint32_t *crc)
{
	const void *id = NULL;
	uint32_t sum;

	Elf *elf = pw_elf_open(path);
	if (!elf)
		return NULL;
	ssize_t length = dwelf_elf_gnu_build_id(elf, &id);
	bool match;
	if (length > 0 && module->build_id_length)
		match = (size_t)length == module->build_id_length &&
			memcmp(id, module->build_id, module->build_id_length) == 0;
	else
		match = crc && file_crc(path, &sum) && sum == *crc;
	if (match) {
		struct pw_symtabs probe = {0};
		pw_symtabs_add_elf(&probe, elf, false);
		match = probe.count > 0;
	}
	if (!match) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

/* Tries a path on this host and the same path inside the target's root. */
static Elf *try_path(struct pw_modules *modules, const struct pw_module *module, const char *path,
		     const uint32_t *crc)
{
	Elf *elf = open_matching(module, path, crc);
	const char *root = modules->target->root;
	if (elf || !root || !root[0])
		return elf;
	char *inside = pw_target_host_path(modules->target, path);
	if (inside)
		elf = open_matching(module, inside, crc);
	free(inside);
	return elf;
}

static void build_id_path(const char *debug_dir, const uint8_t *id, size_t length,
			  struct pw_buffer *path)
{
	pw_buffer_printf(path, "%s/.build-id/%02x/", debug_dir, id[0]);
	for (size_t i = 1; i < length; i++)
		pw_buffer_printf(path, "%02x", id[i]);
	pw_buffer_append_string(path, ".debug");
}

static Elf *by_build_id(struct pw_modules *modules, const struct pw_module *module)
{
	pw_auto_buffer struct pw_buffer path = {0};

	if (module->build_id_length < 2)
		return NULL;
	build_id_path(modules->debug_dir, module->build_id, module->build_id_length, &path);
	return path.failed ? NULL : try_path(modules, module, path.data, NULL);
}

/* .gnu_debuglink: a file name, NUL, padding to 4 bytes, the CRC. */
static bool read_debuglink(Elf *elf, const char **ret_name, uint32_t *ret_crc)
{
	Elf64_Shdr shdr;
	Elf_Scn *scn = pw_elf_section(elf, ".gnu_debuglink", &shdr);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

	if (!data || !data->d_buf)
		return false;
	size_t length = strnlen(data->d_buf, data->d_size);
	size_t at = (length + 4) & ~(size_t)3;
	if (length == 0 || at > data->d_size || data->d_size - at < sizeof(*ret_crc))
		return false;
	memcpy(ret_crc, (const char *)data->d_buf + at, sizeof(*ret_crc));
	*ret_name = data->d_buf;
	/* A name is looked up in folders: one that leads elsewhere is nobody's. */
	return !strchr(*ret_name, '/');
}

static Elf *by_debuglink(struct pw_modules *modules, const struct pw_module *module)
{
	const char *name;
	uint32_t crc;

	if (!read_debuglink(module->elf->elf, &name, &crc))
		return NULL;
	const char *slash = strrchr(module->path, '/');
	int folder = slash ? (int)(slash - module->path) : 0;
	static const char *const forms[] = {"", "/.debug"};
	Elf *elf = NULL;
	for (size_t i = 0; !elf && i < sizeof(forms) / sizeof(forms[0]); i++) {
		pw_auto_buffer struct pw_buffer path = {0};
		pw_buffer_printf(&path, "%.*s%s/%s", folder, module->path, forms[i], name);
		if (!path.failed)
			elf = try_path(modules, module, path.data, &crc);
	}
	if (elf)
		return elf;
	pw_auto_buffer struct pw_buffer path = {0};
	pw_buffer_printf(&path, "%s%.*s/%s", modules->debug_dir, folder, module->path, name);
	return path.failed ? NULL : try_path(modules, module, path.data, &crc);
}

static int find_no_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			     const char *file, const char *debuglink, GElf_Word crc, char **ret)
{
	return -1;
}

/* dwfl hands symbols out one by one: they become a table like any other. */
static void add_dwfl_symbols(struct pw_symtabs *tables, Dwfl_Module *mod)
{
	int count = dwfl_module_getsymtab(mod);
	pw_auto_buffer struct pw_buffer symbols = {0};
	pw_auto_buffer struct pw_buffer strings = {0};

	pw_buffer_append_char(&strings, '\0');
	for (int i = 0; i < count && i < PW_SYMBOL_MAX; i++) {
		GElf_Sym sym;
		GElf_Addr address;
		const char *name =
			dwfl_module_getsym_info(mod, i, &sym, &address, NULL, NULL, NULL);
		if (!name || !name[0] || sym.st_shndx == SHN_UNDEF)
			continue;
		if (strings.length > PW_STRINGS_MAX)
			break;
		sym.st_name = (uint32_t)strings.length;
		sym.st_value = address;
		pw_buffer_append(&strings, name, strlen(name) + 1);
		pw_buffer_append(&symbols, &sym, sizeof(sym));
	}
	if (symbols.failed || strings.failed || !symbols.length || tables->count == PW_SYMTAB_MAX)
		return;
	struct pw_symtab *table = &tables->tables[tables->count++];
	*table = (struct pw_symtab){
		.count = symbols.length / sizeof(Elf64_Sym),
		.strings_size = strings.length,
	};
	table->symbols = table->owned_symbols = pw_buffer_steal(&symbols);
	table->strings = table->owned_strings = pw_buffer_steal(&strings);
}

static void add_mini_symbols(struct pw_symtabs *tables, const struct pw_module *module)
{
	static const Dwfl_Callbacks callbacks = {
		.find_debuginfo = find_no_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Elf64_Shdr shdr;

	if (!module->elf->host_path || !pw_elf_section(module->elf->elf, ".gnu_debugdata", &shdr))
		return;
	int fd = pw_open_regular(module->elf->host_path);
	Dwfl *dwfl = fd >= 0 ? dwfl_begin(&callbacks) : NULL;
	if (dwfl) {
		dwfl_report_begin(dwfl);
		Dwfl_Module *mod =
			dwfl_report_elf(dwfl, "module", module->elf->host_path, fd, 0, true);
		dwfl_report_end(dwfl, NULL, NULL);
		if (mod) {
			fd = -1; /* it belongs to dwfl now */
			add_dwfl_symbols(tables, mod);
		}
		dwfl_end(dwfl);
	}
	if (fd >= 0)
		close(fd);
}

void pw_debug_file_symbols(struct pw_modules *modules, struct pw_module *module,
			   struct pw_symtabs *tables, Elf **ret)
{
	Elf *elf = by_build_id(modules, module);

	if (!elf && module->elf->elf)
		elf = by_debuglink(modules, module);
	*ret = elf;
	if (elf)
		pw_symtabs_add_elf(tables, elf, false);
	else if (module->elf->elf)
		add_mini_symbols(tables, module);
}

/* Names of code want it alone: a name that is looked for in every module would fetch all files. */
bool pw_debug_file_fetch(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_elf *elf = module->elf;

	if (elf->debug_fetched || elf->is_vdso || !module->build_id_length)
		return false;
	elf->debug_fetched = true;
	pw_elf_ensure_debug(modules, module);
	if (elf->debug_elf || !pw_debuginfod_wanted())
		return false;
	if (!modules->debuginfod)
		modules->debuginfod = pw_debuginfod_create();
	char *path = modules->debuginfod ? pw_debuginfod_find(modules->debuginfod, module->build_id,
							      module->build_id_length)
					 : NULL;
	elf->debug_elf = path ? open_matching(module, path, NULL) : NULL;
	free(path);
	if (elf->debug_elf && !elf->debug.count) {
		pw_symtabs_add_elf(&elf->debug, elf->debug_elf, false);
		elf->debug_indexed = false;
	}
	return elf->debug_elf;
}

/* The name may be relative to the file that has the link: that is somewhere below the debug folder,
 * and the file meant is in it. */
static void alternate_path(const char *debug_dir, const char *name, struct pw_buffer *path)
{
	if (name[0] == '/') {
		pw_buffer_append_string(path, name);
		return;
	}
	while (strncmp(name, "../", 3) == 0)
		name += 3;
	pw_buffer_printf(path, "%s/%s", debug_dir, name);
}

static Elf *open_build(struct pw_modules *modules, const char *path, const uint8_t *build_id,
		       size_t length)
{
	for (int inside = 0; inside < 2; inside++) {
		const void *id;
		char *in_root = inside ? pw_target_host_path(modules->target, path) : NULL;
		Elf *elf = inside && !in_root ? NULL : pw_elf_open(inside ? in_root : path);
		free(in_root);
		if (elf && dwelf_elf_gnu_build_id(elf, &id) == (ssize_t)length &&
		    memcmp(id, build_id, length) == 0)
			return elf;
		elf_end(elf);
	}
	return NULL;
}

Elf *pw_debug_file_alternate(struct pw_modules *modules, const char *name, const uint8_t *build_id,
			     size_t length)
{
	pw_auto_buffer struct pw_buffer by_id = {0};
	pw_auto_buffer struct pw_buffer by_name = {0};
	Elf *elf = NULL;

	if (length < 2)
		return NULL;
	build_id_path(modules->debug_dir, build_id, length, &by_id);
	alternate_path(modules->debug_dir, name, &by_name);
	if (!by_id.failed)
		elf = open_build(modules, by_id.data, build_id, length);
	if (!elf && !by_name.failed)
		elf = open_build(modules, by_name.data, build_id, length);
	if (elf || !modules->debuginfod)
		return elf;
	char *path = pw_debuginfod_find(modules->debuginfod, build_id, length);
	if (path)
		elf = open_build(modules, path, build_id, length);
	free(path);
	return elf;
}
