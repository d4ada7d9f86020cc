/* A piece of memory made of words, for what reads through struct pw_unwind_memory. */
#ifndef TEST_WORDS_H
#define TEST_WORDS_H

#include "binary/unwind.h"

struct words {
	uint64_t base; /* the address of values[0] */
	const uint64_t *values;
	size_t count;
	unsigned reads;
};

static bool words_read(void *data, uint64_t address, uint64_t *ret)
{
	struct words *words = data;
	words->reads++;
	uint64_t index = (address - words->base) / 8;
	if (address < words->base || index >= words->count || (address - words->base) % 8)
		return false;
	*ret = words->values[index];
	return true;
}

static struct pw_unwind_memory words_memory(struct words *words)
{
	return (struct pw_unwind_memory){words_read, words};
}

#endif
