/*
 * What a call-frame program asks for, before libdw executes it.
 *
 * libdw keeps an array as long as the highest register number that a program names, up to 2 GiB,
 * and a copy of it for each DW_CFA_remember_state: a few bytes of a file could take all memory.
 */
#ifndef PW_BINARY_CFA_PROGRAM_H
#define PW_BINARY_CFA_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* false: the instructions [at, end) are cut off, or name registers or remember states that no
 * machine and no compiler has.  `encoding`: of the FDE's addresses, DW_EH_PE_*. */
bool pw_cfa_program_modest(const uint8_t *at, const uint8_t *end, uint8_t encoding);

#endif
