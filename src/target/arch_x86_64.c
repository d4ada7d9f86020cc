/*
 * x86-64: struct user_regs_struct (Linux arch/x86/include/asm/user_64.h), struct elf_prstatus and
 * struct elf_prpsinfo (include/linux/elfcore.h), DWARF numbers of the System V psABI, figure 3.36.
 */
#include "target/arch.h"

#include <elf.h>
#include <string.h>

enum { USER_RIP = 16, USER_RSP = 19, USER_FS_BASE = 21, USER_COUNT = 27 };

/* By place in user_regs_struct; -1 has no DWARF number that unwinding needs. */
static const int8_t dwarf_number[USER_COUNT] = {
	15, 14, 13, 12, 6,  3, 11, 10, 9,  8,  0,  2,  1,  4,
	5,  -1, 16, -1, -1, 7, -1, -1, -1, -1, -1, -1, -1,
};

static void decode_regs(const void *user_regs, struct pw_regs *ret)
{
	uint64_t user[USER_COUNT];
	memcpy(user, user_regs, sizeof(user));
	*ret = (struct pw_regs){0};
	for (unsigned i = 0; i < USER_COUNT; i++) {
		if (dwarf_number[i] < 0)
			continue;
		ret->value[dwarf_number[i]] = user[i];
		ret->known |= UINT64_C(1) << dwarf_number[i];
	}
	ret->pc = user[USER_RIP];
	ret->sp = user[USER_RSP];
	ret->thread_pointer = user[USER_FS_BASE];
}

const struct pw_arch pw_arch_x86_64 = {
	.name = "x86_64",
	.elf_machine = EM_X86_64,
	.pointer_size = 8,
	.prstatus_size = 336,
	.prstatus_regs = 112,
	.prstatus_pid = 32,
	.regs_size = USER_COUNT * 8,
	.prpsinfo_pid = 24,
	.prpsinfo_fname = 40,
	.decode_regs = decode_regs,
	.glibc_pthread_tid = 720,
	.tls_regset = 0,
};
