/*
 * Modules of a target: grouping of its mappings, and the questions of module.h.
 *
 * What is asked of a file is asked of the file on disk if it is the one that is mapped, and
 * otherwise of the target's memory.
 */
#include "binary/elf_private.h"
#include "binary/fde.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pw_module *pw_modules_find(struct pw_modules *modules, uint64_t address)
{
	size_t low = 0, high = modules->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (modules->items[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address >= modules->items[low - 1].end)
		return NULL;
	return &modules->items[low - 1];
}

const Elf64_Phdr *pw_elf_segment(const struct pw_elf_headers *headers, uint64_t address)
{
	for (size_t i = 0; i < headers->phdr_count; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		if (phdr->p_type == PT_LOAD && address >= phdr->p_vaddr &&
		    address - phdr->p_vaddr < phdr->p_memsz &&
		    phdr->p_memsz <= UINT64_MAX - phdr->p_vaddr)
			return phdr;
	}
	return NULL;
}

static void open_image(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_elf *elf = module->elf;

	elf->image = malloc(elf->image_size);
	const struct pw_bytes bytes = pw_bytes_memory(modules->target, module->start, NULL);
	if (!elf->image || !bytes.read(&bytes, 0, elf->image, elf->image_size))
		return;
	elf_version(EV_CURRENT);
	elf->elf = elf_memory(elf->image, elf->image_size);
	if (elf->elf && !elf64_getehdr(elf->elf)) {
		elf_end(elf->elf);
		elf->elf = NULL;
	}
}

/* The file may have been replaced since its build-id was compared. */
static void open_file(struct pw_module *module)
{
	struct pw_elf *elf = module->elf;
	uint8_t id[PW_BUILD_ID_MAX];
	struct pw_elf_headers headers = {0};

	elf->elf = pw_elf_open(elf->host_path);
	int fd = elf->elf && module->build_id_length ? pw_open_regular(elf->host_path) : -1;
	if (fd < 0)
		return;
	const struct pw_bytes bytes = pw_bytes_file(fd);
	size_t length = pw_elf_headers_read(&bytes, 0, &headers)
				? pw_elf_build_id(&bytes, &headers, false, id)
				: 0;
	if (length != module->build_id_length || memcmp(id, module->build_id, length) != 0) {
		elf_end(elf->elf);
		elf->elf = NULL;
		module->file_state = "other build";
	}
	pw_elf_headers_deinit(&headers);
	close(fd);
}

void pw_elf_ensure(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_elf *elf = module->elf;

	if (elf->opened)
		return;
	elf->opened = true;
	if (elf->is_vdso)
		open_image(modules, module);
	else if (elf->host_path)
		open_file(module);
	if (elf->elf)
		pw_symtabs_add_elf(&elf->own, elf->elf, true);
	/* No file, or one without section headers: they are not needed for running. */
	if (!elf->own.count)
		pw_symtabs_add_memory(&elf->own, modules->target, module);
}

void pw_elf_ensure_debug(struct pw_modules *modules, struct pw_module *module)
{
	struct pw_elf *elf = module->elf;

	if (elf->debug_opened)
		return;
	elf->debug_opened = true;
	pw_elf_ensure(modules, module);
	if (!elf->is_vdso)
		pw_debug_file_symbols(modules, module, &elf->debug, &elf->debug_elf);
}

static struct pw_lookup *remembered(struct pw_elf *elf, const char *name)
{
	for (struct pw_lookup *l = elf->lookups; l; l = l->next) {
		if (strcmp(l->name, name) == 0)
			return l;
	}
	return NULL;
}

static struct pw_lookup *name_create(struct pw_lookup **list, const char *name, size_t length)
{
	struct pw_lookup *l = calloc(1, sizeof(*l) + length + 1);

	if (!l)
		return NULL;
	memcpy(l->name, name, length);
	l->next = *list;
	*list = l;
	return l;
}

static bool find_in(const struct pw_symtabs *tables, const struct pw_module *module,
		    const char *name, struct pw_symbol *ret)
{
	bool absolute;

	if (!pw_symtabs_find(tables, name, ret, &absolute))
		return false;
	if (!absolute)
		ret->address += module->bias;
	return true;
}

static bool lookup(struct pw_modules *modules, struct pw_module *module, const char *name,
		   bool debug_file, struct pw_symbol *ret)
{
	struct pw_elf *elf = module->elf;
	struct pw_symbol symbol = {0};

	pw_elf_ensure(modules, module);
	struct pw_lookup *known = remembered(elf, name);
	bool found = known ? known->found : find_in(&elf->own, module, name, &symbol);
	if (!found && debug_file && !(known && known->searched_debug_file)) {
		pw_elf_ensure_debug(modules, module);
		found = find_in(&elf->debug, module, name, &symbol);
	} else if (known) {
		symbol = known->symbol;
	}
	if (!known && elf->lookup_count < PW_LOOKUP_MAX &&
	    (known = name_create(&elf->lookups, name, strlen(name))))
		elf->lookup_count++;
	if (!known) {
		symbol.name = name;
	} else {
		symbol.name = known->name;
		known->found = found;
		known->searched_debug_file |= debug_file;
		known->symbol = symbol;
	}
	if (found)
		*ret = symbol;
	return found;
}

bool pw_module_symbol(struct pw_modules *modules, struct pw_module *module, const char *name,
		      struct pw_symbol *ret)
{
	return lookup(modules, module, name, true, ret);
}

bool pw_modules_symbol(struct pw_modules *modules, const char *name, struct pw_symbol *ret,
		       struct pw_module **ret_module)
{
	/* Debug files are opened only when no module itself has the name. */
	for (int debug_file = 0; debug_file < 2; debug_file++) {
		for (size_t i = 0; i < modules->count; i++) {
			struct pw_module *module = &modules->items[i];
			if (!lookup(modules, module, name, debug_file, ret))
				continue;
			if (ret_module)
				*ret_module = module;
			return true;
		}
	}
	return false;
}

/* "name@@VERSION" without its version: the caller keeps the name as long as the module. */
static const char *plain_name(struct pw_elf *elf, const char *name)
{
	const char *at = strchr(name, '@');

	if (!at || at == name)
		return name;
	size_t length = (size_t)(at - name);
	for (struct pw_lookup *l = elf->names; l; l = l->next) {
		if (strlen(l->name) == length && memcmp(l->name, name, length) == 0)
			return l->name;
	}
	struct pw_lookup *l = name_create(&elf->names, name, length);
	return l ? l->name : name;
}

static const struct pw_function *covering(struct pw_modules *modules, struct pw_module *module,
					  uint64_t address)
{
	struct pw_elf *elf = module->elf;
	bool full = false;

	/* Data never has a function's name: no reason to open a debug file. */
	const Elf64_Phdr *segment = pw_elf_segment(&elf->headers, address);
	if (!segment || !(segment->p_flags & PF_X))
		return NULL;
	pw_elf_ensure(modules, module);
	for (size_t i = 0; i < elf->own.count; i++)
		full |= elf->own.tables[i].full;
	if (!elf->own_indexed) {
		elf->own_indexed = true;
		pw_function_index_build(&elf->own, &elf->headers, &elf->own_functions);
	}
	const struct pw_function *f = pw_function_index_find(&elf->own_functions, address, false);
	if (f)
		return f;
	if (!full && !elf->debug_indexed) {
		elf->debug_indexed = true;
		pw_elf_ensure_debug(modules, module);
		pw_function_index_build(&elf->debug, &elf->headers, &elf->debug_functions);
	}
	f = pw_function_index_find(&elf->debug_functions, address, false);
	if (!f)
		f = pw_function_index_find(&elf->own_functions, address, true);
	if (!f)
		f = pw_function_index_find(&elf->debug_functions, address, true);
	return f;
}

bool pw_modules_symbolize(struct pw_modules *modules, uint64_t address, struct pw_symbol *ret,
			  struct pw_module **ret_module)
{
	struct pw_module *module = pw_modules_find(modules, address);
	const struct pw_function *f =
		module ? covering(modules, module, address - module->bias) : NULL;

	if (!f)
		return false;
	ret->name = plain_name(module->elf, f->name);
	ret->address = f->start + module->bias;
	ret->size = f->sized ? f->end - f->start : 0;
	if (ret_module)
		*ret_module = module;
	return true;
}

bool pw_module_section(struct pw_modules *modules, struct pw_module *module, const char *name,
		       uint64_t *ret_address, uint64_t *ret_size)
{
	Elf64_Shdr shdr;

	pw_elf_ensure(modules, module);
	if (!module->elf->elf || !pw_elf_section(module->elf->elf, name, &shdr) ||
	    !(shdr.sh_flags & SHF_ALLOC) || shdr.sh_size > UINT64_MAX - shdr.sh_addr)
		return false;
	*ret_address = module->bias + shdr.sh_addr;
	*ret_size = shdr.sh_size;
	return true;
}

static size_t segments(const struct pw_module *module, bool writable, uint64_t (*ret)[2],
		       size_t max)
{
	const struct pw_elf_headers *headers = &module->elf->headers;
	size_t count = 0;

	for (size_t i = 0; i < headers->phdr_count && count < max; i++) {
		const Elf64_Phdr *phdr = &headers->phdrs[i];
		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_W) == writable)
			continue;
		uint64_t start = module->bias + phdr->p_vaddr, end = start + phdr->p_memsz;
		/* Headers can claim anything: what is not mapped is not there. */
		if (end < start || start >= module->end || end <= module->start)
			continue;
		ret[count][0] = start > module->start ? start : module->start;
		ret[count][1] = end < module->end ? end : module->end;
		count += ret[count][0] < ret[count][1];
	}
	return count;
}

size_t pw_module_writable(struct pw_modules *modules, struct pw_module *module, uint64_t (*ret)[2],
			  size_t max)
{
	return segments(module, true, ret, max);
}

size_t pw_module_readonly(struct pw_modules *modules, struct pw_module *module, uint64_t (*ret)[2],
			  size_t max)
{
	return segments(module, false, ret, max);
}

const char *pw_module_rodata(struct pw_modules *modules, struct pw_module *module,
			     size_t *ret_length)
{
	Elf64_Shdr shdr;

	pw_elf_ensure(modules, module);
	Elf *elf = module->elf->elf;
	Elf_Scn *scn = elf ? pw_elf_section(elf, ".rodata", &shdr) : NULL;
	Elf_Data *data = scn && shdr.sh_type == SHT_PROGBITS && !(shdr.sh_flags & SHF_COMPRESSED)
				 ? elf_rawdata(scn, NULL)
				 : NULL;
	*ret_length = data ? data->d_size : 0;
	return data ? data->d_buf : NULL;
}
