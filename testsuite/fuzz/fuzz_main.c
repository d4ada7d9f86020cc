/* Runs a fuzz target on the files of the command line, without libFuzzer. */
#include "fuzz.h"

static int run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	size_t size = 0, room = 0, got;
	if (!file) {
		perror(path);
		return 1;
	}
	do {
		if (size == room) {
			room = room ? 2 * room : 1 << 16;
			bytes = realloc(bytes, room);
			FUZZ_EXPECT(bytes);
		}
		got = fread(bytes + size, 1, room - size, file);
		size += got;
	} while (got);
	fclose(file);
	/* Exactly its size, so that a sanitizer sees the first byte behind it. */
	uint8_t *exact = malloc(size ? size : 1);
	FUZZ_EXPECT(exact);
	memcpy(exact, bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;
	for (int i = 1; i < argc; i++)
		status |= run(argv[i]);
	printf("%d\n", argc - 1);
	return status;
}
