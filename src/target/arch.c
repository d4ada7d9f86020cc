/* The table of architectures. */
#include "target/arch.h"

#include <elf.h>

static const struct pw_arch *const all[] = {&pw_arch_x86_64, &pw_arch_aarch64};

const struct pw_arch *pw_arch_by_machine(uint16_t elf_machine)
{
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->elf_machine == elf_machine)
			return all[i];
	return NULL;
}

const struct pw_arch *pw_arch_host(void)
{
#if defined(__x86_64__)
	return &pw_arch_x86_64;
#elif defined(__aarch64__)
	return &pw_arch_aarch64;
#else
	return NULL;
#endif
}
