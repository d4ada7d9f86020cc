/*
 * What the fuzz targets share.  Each fuzz_NAME.c is one target: it gives the bytes it gets to one
 * reader and only asks that it ends, stays inside its memory and keeps its promises.  With clang's
 * libFuzzer it searches for new inputs, with fuzz_main.c it runs those that it is given.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define FUZZ_EXPECT(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: expected: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The input, taken from its start; zeros behind its end. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_input *input, size_t length)
{
	uint64_t value = 0;
	size_t have = length < input->left ? length : input->left;
	if (have)
		memcpy(&value, input->at, have);
	input->at += have;
	input->left -= have;
	return value;
}

/* A file in memory, one for each `slot`; its path is good until the slot is used again. */
static inline const char *fuzz_file(unsigned slot, const void *bytes, size_t size)
{
	enum { SLOTS = 4 };
	static struct {
		int fd;
		char path[32];
	} files[SLOTS];
	FUZZ_EXPECT(slot < SLOTS);
	if (!files[slot].fd) {
		files[slot].fd = memfd_create("fuzz", MFD_CLOEXEC);
		FUZZ_EXPECT(files[slot].fd > 0);
		snprintf(files[slot].path, sizeof(files[slot].path), "/proc/self/fd/%d",
			 files[slot].fd);
	}
	FUZZ_EXPECT(ftruncate(files[slot].fd, 0) == 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = pwrite(files[slot].fd, (const char *)bytes + done, size - done,
				   (off_t)done);
		FUZZ_EXPECT(n > 0);
		done += (size_t)n;
	}
	return files[slot].path;
}

/* A root without files: nothing that an input names is looked for on this machine. */
#define FUZZ_NO_ROOT "/dev/null"

#endif
