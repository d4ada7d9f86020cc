/* A set-associative cache: each chunk of a file may stand in one of a few slots. */
#include "target/core_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 4 MiB in all.  The chunks are small because what is read lies far apart: a page of each of many
 * stacks. */
enum { CHUNK = 4 << 10, WAYS = 4, SETS = 256, DIRECT = 8 * CHUNK };

struct slot {
	uint64_t chunk; /* number in the file */
	uint64_t used;	/* the cache's clock at the last use; 0: never */
	uint32_t id;
	uint32_t length; /* how many could be read */
};

struct core_cache {
	uint64_t clock;
	struct slot slots[SETS][WAYS];
	uint8_t bytes[SETS][WAYS][CHUNK];
};

struct core_cache *core_cache_create(void)
{
	/* So large that its pages come when they are first used. */
	return calloc(1, sizeof(struct core_cache));
}

void core_cache_destroy(struct core_cache *cache)
{
	free(cache);
}

static size_t read_file(int fd, uint64_t offset, void *buffer, size_t length)
{
	size_t done = 0;
	while (done < length && offset + done <= INT64_MAX) {
		ssize_t got =
			pread(fd, (char *)buffer + done, length - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/* The bytes of a chunk, read if they are not there, and how many there are. */
static const uint8_t *find_chunk(struct core_cache *cache, uint32_t id, int fd, uint64_t chunk,
				 size_t *ret_length)
{
	size_t set = (chunk + (uint64_t)id * 37) % SETS, way = 0;
	struct slot *slots = cache->slots[set];
	for (size_t i = 0; i < WAYS; i++) {
		if (slots[i].used && slots[i].id == id && slots[i].chunk == chunk) {
			slots[i].used = ++cache->clock;
			*ret_length = slots[i].length;
			return cache->bytes[set][i];
		}
		if (slots[i].used < slots[way].used)
			way = i;
	}
	*ret_length = read_file(fd, chunk * CHUNK, cache->bytes[set][way], CHUNK);
	slots[way] = (struct slot){chunk, ++cache->clock, id, (uint32_t)*ret_length};
	return cache->bytes[set][way];
}

size_t core_cache_read(struct core_cache *cache, uint32_t id, int fd, uint64_t offset, void *buffer,
		       size_t length)
{
	size_t done = 0;
	if (length > INT64_MAX || offset > INT64_MAX - length)
		return 0;
	/* A scan would only drive out what is needed again. */
	if (length >= DIRECT)
		return read_file(fd, offset, buffer, length);
	while (done < length) {
		uint64_t at = offset + done;
		size_t skip = (size_t)(at % CHUNK), have;
		const uint8_t *bytes = find_chunk(cache, id, fd, at / CHUNK, &have);
		if (skip >= have)
			break;
		size_t piece = have - skip < length - done ? have - skip : length - done;
		memcpy((char *)buffer + done, bytes + skip, piece);
		done += piece;
		if (have < CHUNK)
			break;
	}
	return done;
}
