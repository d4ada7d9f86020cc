/* A temporary file without a name, for the bytes of an unpacked core: its pages of zeros are holes,
 * and a twentieth of its disk stays free. */
#ifndef PW_TARGET_CORE_SPILL_H
#define PW_TARGET_CORE_SPILL_H

#include "base/error.h"

struct core_spill {
	int fd;
	const char *path; /* of what is unpacked, borrowed */
	const char *kind;
	char *folder;	   /* owned */
	uint64_t received; /* bytes that were handed in */
	uint64_t length;   /* ... of which were gone through */
	uint64_t stored;   /* ... of which the disk holds */
	uint64_t allowed;  /* bytes that may be stored until the disk is looked at again */
	bool full;	   /* it did not fit: the rest is only counted */
	uint64_t usable;   /* bytes that there would have been room for, when full */
	const char *limit; /* what was in the way */
	uint8_t *pending;  /* the bytes since the last whole block */
};

struct pw_error *core_spill_init(struct core_spill *spill, const char *path, const char *kind);
/* Closes the file, unless its descriptor was taken out. */
void core_spill_deinit(struct core_spill *spill);
struct pw_error *core_spill_write(struct core_spill *spill, const void *bytes, size_t length);
/* To be called behind the last byte: an error says by how much it did not fit. */
struct pw_error *core_spill_finish(struct core_spill *spill);

#endif
