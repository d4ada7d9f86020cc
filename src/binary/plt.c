/*
 * Names of the stubs through which code calls functions of other modules.
 *
 * No symbol table has them.  A stub jumps through a slot (abi.h tells which), and the relocation of
 * that slot names the function: System V gABI, chapter 5, "Procedure Linkage Table"; r_offset is an
 * address in executables and shared objects alike.  Sections are named as GNU ld, gold, lld and
 * mold name them: .plt, .plt.sec, .plt.got.
 */
#include "binary/abi.h"
#include "binary/elf_private.h"

#include <gelf.h>
#include <string.h>

/* The code of the stubs' section around `address`, and the number of bytes before it; NULL: it is
 * in none. */
static const uint8_t *stubs_at(Elf *elf, uint64_t address, size_t *ret_before, size_t *ret_after)
{
	Elf_Scn *scn = NULL;
	size_t strings;

	if (elf_getshdrstrndx(elf, &strings))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || !(shdr.sh_flags & SHF_EXECINSTR) ||
		    address < shdr.sh_addr || address - shdr.sh_addr >= shdr.sh_size)
			continue;
		const char *name = elf_strptr(elf, strings, shdr.sh_name);
		Elf_Data *data = name && !strncmp(name, ".plt", 4) ? elf_rawdata(scn, NULL) : NULL;
		if (!data || !data->d_buf || address - shdr.sh_addr >= data->d_size)
			return NULL;
		*ret_before = address - shdr.sh_addr;
		*ret_after = data->d_size - *ret_before;
		return (const uint8_t *)data->d_buf + *ret_before;
	}
	return NULL;
}

/* The slot of the stub that covers `address`; 0: none does. */
static uint64_t slot_of(const struct pw_abi *abi, Elf *elf, uint64_t address, uint64_t *ret_start,
			uint64_t *ret_size)
{
	/* What stubs are aligned to, and as long as; those of .plt.got are half as long. */
	static const uint8_t sizes[] = {PW_ABI_STUB_BYTES / 2, PW_ABI_STUB_BYTES};
	size_t before, after;
	const uint8_t *code = stubs_at(elf, address, &before, &after);

	for (size_t i = 0; code && i < sizeof(sizes); i++) {
		uint8_t stub[PW_ABI_STUB_BYTES] = {0};
		size_t into = address % sizes[i];
		if (into > before)
			continue;
		size_t length = after + into < sizeof(stub) ? after + into : sizeof(stub);
		memcpy(stub, code - into, length);
		uint64_t slot = abi->stub_slot(stub, address - into);
		if (!slot)
			continue;
		*ret_start = address - into;
		*ret_size = sizes[i];
		return slot;
	}
	return 0;
}

static const char *name_in(Elf *elf, const GElf_Shdr *section, Elf_Data *data, uint64_t slot)
{
	size_t count = data->d_size / sizeof(Elf64_Rela);

	for (size_t i = 0; i < count; i++) {
		GElf_Rela rela;
		GElf_Sym sym;
		GElf_Shdr symbols;
		if (!gelf_getrela(data, (int)i, &rela) || rela.r_offset != slot)
			continue;
		Elf_Scn *scn = elf_getscn(elf, section->sh_link);
		if (!scn || !gelf_getshdr(scn, &symbols) || symbols.sh_type != SHT_DYNSYM ||
		    !gelf_getsym(elf_getdata(scn, NULL), (int)GELF_R_SYM(rela.r_info), &sym))
			return NULL;
		const char *name = elf_strptr(elf, symbols.sh_link, sym.st_name);
		return name && name[0] ? name : NULL;
	}
	return NULL;
}

static const char *name_of_slot(Elf *elf, uint64_t slot)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_RELA ||
		    !(shdr.sh_flags & SHF_ALLOC))
			continue;
		Elf_Data *data = elf_getdata(scn, NULL);
		const char *name = data ? name_in(elf, &shdr, data, slot) : NULL;
		if (name)
			return name;
	}
	return NULL;
}

bool pw_plt_symbolize(struct pw_modules *modules, struct pw_module *module, uint64_t address,
		      struct pw_symbol *ret)
{
	const struct pw_abi *abi = pw_abi_by_machine(modules->target->arch->elf_machine);
	uint64_t start = 0, size = 0;

	pw_elf_ensure(modules, module);
	Elf *elf = module->elf->elf;
	uint64_t slot = abi && elf ? slot_of(abi, elf, address - module->bias, &start, &size) : 0;
	const char *name = slot ? name_of_slot(elf, slot) : NULL;
	if (!name)
		return false;
	ret->name = name;
	ret->address = start + module->bias;
	ret->size = size;
	return true;
}
