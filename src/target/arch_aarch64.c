/*
 * aarch64: struct user_pt_regs (Linux arch/arm64/include/uapi/asm/ptrace.h), struct elf_prstatus
 * and struct elf_prpsinfo (include/linux/elfcore.h), DWARF numbers of aadwarf64, section 4.1.
 */
#include "target/arch.h"

#include <elf.h>
#include <string.h>

enum { USER_SP = 31, USER_PC = 32, USER_COUNT = 34 };

static void decode_regs(const void *user_regs, struct pw_regs *ret)
{
	uint64_t user[USER_COUNT];
	memcpy(user, user_regs, sizeof(user));
	*ret = (struct pw_regs){0};
	/* x0 to x30, sp and pc stand in the order of their DWARF numbers. */
	memcpy(ret->value, user, (USER_PC + 1) * sizeof(user[0]));
	ret->known = (UINT64_C(1) << (USER_PC + 1)) - 1;
	ret->pc = user[USER_PC];
	ret->sp = user[USER_SP];
}

const struct pw_arch pw_arch_aarch64 = {
	.name = "aarch64",
	.elf_machine = EM_AARCH64,
	.pointer_size = 8,
	.prstatus_size = 392,
	.prstatus_regs = 112,
	.prstatus_pid = 32,
	.regs_size = USER_COUNT * 8,
	.prpsinfo_pid = 24,
	.prpsinfo_fname = 40,
	.decode_regs = decode_regs,
	.glibc_pthread_tid = 208,
	.tls_regset = NT_ARM_TLS,
};
