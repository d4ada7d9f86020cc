/* A folder of a test's own below /tmp, and files in it.  Include after <cmocka.h>. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/pywalk-unit-XXXXXX";

/* A group set-up of cmocka. */
static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

/* Its tear-down. */
static inline int remove_folder(void **state)
{
	char command[sizeof(folder) + 16];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* The path of a name in the folder; good until the eighth call from now. */
static const char *in_folder(const char *name)
{
	static char path[8][256];
	static unsigned next;
	char *to = path[next++ % 8];
	snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
	return to;
}

#endif
