/* The table of machines. */
#include "binary/abi.h"

const struct pw_abi *pw_abi_by_machine(uint16_t elf_machine)
{
	static const struct pw_abi *const all[] = {&pw_abi_x86_64, &pw_abi_aarch64};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->elf_machine == elf_machine)
			return all[i];
	return NULL;
}
