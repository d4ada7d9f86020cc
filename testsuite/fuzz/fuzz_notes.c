/*
 * The notes of a core: NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE and the machine's
 * own. Input: a byte, then the notes.  Lower bit of the byte: the machine; the rest: a segment of
 * memory that the names of NT_FILE may meet.
 */
#include "fuzz.h"

#include "target/target.h"

#include <elf.h>

enum { MAX_NOTES = 1 << 16, MEMORY = 256 };

struct core {
	Elf64_Ehdr header;
	Elf64_Phdr phdrs[2];
	uint8_t memory[MEMORY];
	uint8_t notes[MAX_NOTES];
};

static void ask(struct pw_target *target)
{
	for (size_t i = 0; i < target->lwp_count; i++) {
		const struct pw_lwp *lwp = &target->lwps[i];
		FUZZ_EXPECT(memchr(lwp->name, 0, sizeof(lwp->name)));
		FUZZ_EXPECT(pw_target_lwp(target, lwp->tid));
	}
	for (size_t i = 0; i < target->mapping_count; i++) {
		const struct pw_mapping *mapping = &target->mappings[i];
		FUZZ_EXPECT(mapping->start < mapping->end);
		FUZZ_EXPECT(!i || mapping[-1].end <= mapping->start);
		FUZZ_EXPECT(pw_target_mapping(target, mapping->start) == mapping);
		uint8_t bytes[MEMORY + 1];
		size_t done = 0;
		enum pw_supplier supplier;
		pw_auto_error struct pw_error *error = pw_read_some(
			target, mapping->start, bytes, sizeof(bytes), &done, &supplier);
		FUZZ_EXPECT(!error && done <= MEMORY);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct core core;
	struct fuzz_input input = {data, size};
	unsigned choice = (unsigned)fuzz_take(&input, 1);
	if (input.left > MAX_NOTES)
		return 0;
	core.header = (Elf64_Ehdr){
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = choice & 1 ? EM_AARCH64 : EM_X86_64,
		.e_phoff = offsetof(struct core, phdrs),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	core.phdrs[0] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = offsetof(struct core, notes),
		.p_filesz = input.left,
	};
	core.phdrs[1] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R,
		.p_offset = offsetof(struct core, memory),
		.p_vaddr = (uint64_t)(choice >> 1) << 12,
		.p_memsz = MEMORY,
		.p_filesz = MEMORY,
	};
	memcpy(core.notes, input.at, input.left);
	const struct pw_options options = {.size = sizeof(options), .sysroot = FUZZ_NO_ROOT};
	struct pw_target *target;
	pw_auto_error struct pw_error *error = pw_target_open_core(
		fuzz_file(0, &core, offsetof(struct core, notes) + input.left), &options, &target);
	if (error)
		return 0;
	ask(target);
	pw_target_destroy(target);
	return 0;
}
