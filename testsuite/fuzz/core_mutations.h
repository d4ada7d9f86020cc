/*
 * Damages an ELF core as hostile or unlucky programs do: headers, notes and the pointers and
 * lengths in its memory, besides blind changes.  The same seed does the same to the same bytes.
 */
#ifndef CORE_MUTATIONS_H
#define CORE_MUTATIONS_H

#include <stddef.h>
#include <stdint.h>

/* Changes `data` in place and returns its new size, which is never larger. */
size_t core_mutate(uint8_t *data, size_t size, uint64_t seed);

#endif
