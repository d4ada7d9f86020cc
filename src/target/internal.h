/*
 * What the files of target/ share with each other and with nobody else: lists, snapshot reads, and
 * the files of a target as this process sees them.
 */
#ifndef PW_TARGET_INTERNAL_H
#define PW_TARGET_INTERNAL_H

#include "base/buffer.h"
#include "base/text.h"
#include "target/target.h"

#include <stdlib.h>
#include <unistd.h>

/* The smallest page of the supported machines: a bigger page is a whole number of them. */
enum { PW_PAGE = 4096 };

static inline uint64_t pw_page_down(uint64_t address)
{
	return address & ~(uint64_t)(PW_PAGE - 1);
}

static inline uint64_t pw_page_up(uint64_t address)
{
	return pw_page_down(address + PW_PAGE - 1);
}

static inline void pw_freep(void *pointer)
{
	free(*(void **)pointer);
}
#define pw_auto_free __attribute__((cleanup(pw_freep)))

static inline void pw_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define pw_auto_close __attribute__((cleanup(pw_closep)))

/* Copies `lwp` to the end of the list; sort when all are there. */
struct pw_error *pw_target_add_lwp(struct pw_target *target, const struct pw_lwp *lwp);
void pw_target_clear_mappings(struct pw_target *target);
void pw_target_clear_lwps(struct pw_target *target);
void pw_target_sort_lwps(struct pw_target *target);
/* Sets the name from the kernel's bytes, escaped. */
void pw_lwp_set_name(struct pw_lwp *lwp, const void *bytes, size_t length);

/* A read through the copies; only while target->snapshot is there. */
struct pw_error *pw_snapshot_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier);

/* The prefix for host paths: `sysroot` when given (without slashes at its end), else `proc`/root
 * when `proc` is given and its root is not ours, else "".  Owned by the caller, NULL: out of
 * memory. */
char *pw_host_root(const char *sysroot, const char *proc);

#endif
