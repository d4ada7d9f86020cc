/* mutate_core SEED IN OUT: a damaged copy of a core. */
#include "core_mutations.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_SIZE = 64 << 20 };

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: mutate_core SEED IN OUT\n");
		return 2;
	}
	FILE *in = fopen(argv[2], "rb"), *out = fopen(argv[3], "wb");
	uint8_t *data = malloc(MAX_SIZE);
	if (!in || !out || !data) {
		perror("mutate_core");
		return 1;
	}
	size_t size = fread(data, 1, MAX_SIZE, in);
	size = core_mutate(data, size, strtoull(argv[1], NULL, 0));
	return fwrite(data, 1, size, out) == size && fclose(out) == 0 ? 0 : 1;
}
