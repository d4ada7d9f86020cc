/*
 * Bytes of files through one cache of bounded size.
 *
 * A core and the files that it names are read, never mapped: a file that another process cuts short
 * meanwhile is then an end of bytes and no signal, and what stays in memory does not grow with the
 * core.
 */
#ifndef PW_TARGET_CORE_CACHE_H
#define PW_TARGET_CORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct core_cache;

/* NULL: out of memory. */
struct core_cache *core_cache_create(void);
/* Takes NULL. */
void core_cache_destroy(struct core_cache *cache);

/* Copies up to `length` bytes at `offset` of the file, as many as can be had; returns how many.
 * `id` is the file's number in this cache, whichever descriptor it is open under now. */
size_t core_cache_read(struct core_cache *cache, uint32_t id, int fd, uint64_t offset, void *buffer,
		       size_t length);

#endif
