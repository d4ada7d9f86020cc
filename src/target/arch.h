/*
 * Registers as the kernel hands them out, by architecture.
 *
 * Everything outside of the arch_*.c files names registers by their DWARF numbers or by their role.
 * Unwinding rules are not here: they are binary/'s.
 */
#ifndef PW_TARGET_ARCH_H
#define PW_TARGET_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PW_REGS_MAX = 40 };

/* A thread's registers by DWARF number; a register that was not supplied is marked unknown. */
struct pw_regs {
	uint64_t value[PW_REGS_MAX];
	uint64_t known; /* bit n: value[n] is known */
	uint64_t pc;
	uint64_t sp;
	uint64_t thread_pointer; /* 0: unknown */
};

struct pw_arch {
	const char *name;     /* "x86_64" */
	uint16_t elf_machine; /* EM_X86_64 */
	uint8_t pointer_size; /* bytes */
	size_t prstatus_size; /* sizeof(struct elf_prstatus) of the target */
	size_t prstatus_regs; /* offset of pr_reg in it */
	size_t prstatus_pid;  /* offset of pr_pid in it */
	size_t regs_size;    /* sizeof(user_regs_struct): what PTRACE_GETREGSET NT_PRSTATUS gives */
	size_t prpsinfo_pid; /* offset of pr_pid in struct elf_prpsinfo */
	size_t prpsinfo_fname; /* offset of pr_fname (16 bytes) */
	/* Decodes `regs_size` bytes of user_regs_struct. */
	void (*decode_regs)(const void *user_regs, struct pw_regs *ret);
	/* The register set that holds the thread pointer when user_regs does not (NT_ARM_TLS), or
	 * 0. */
	unsigned tls_regset;
	/* Where glibc keeps gettid() in the struct pthread that pthread_self() points to
	 * (nptl/descr.h, 2.2 to 2.41); the reader checks that a thread has that number. */
	unsigned glibc_pthread_tid;
};

extern const struct pw_arch pw_arch_x86_64;
extern const struct pw_arch pw_arch_aarch64;
/* NULL when the machine is not supported. */
const struct pw_arch *pw_arch_by_machine(uint16_t elf_machine);
/* The machine this was compiled for. */
const struct pw_arch *pw_arch_host(void);

#endif
