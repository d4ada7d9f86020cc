/*
 * A C program with CPython inside: runs a Python program as __main__.
 *
 *	embed LIBPYTHON PROGRAM ARG...
 *
 * With EMBED_GO in its environment, it first waits for a byte from that FIFO, which it makes, and
 * makes EMBED_GO.ready before.
 *
 * Opens the library at run time, so that one binary serves every version; the functions used exist
 *in CPython 2.7 and 3.6-3.15 (Include/pythonrun.h, Modules/main.c: Py_Main and Py_BytesMain).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

static void *must(void *found)
{
	if (!found) {
		fprintf(stderr, "embed: %s\n", dlerror());
		exit(1);
	}
	return found;
}

static void wait_for(const char *fifo)
{
	char ready[4096], byte;

	snprintf(ready, sizeof(ready), "%s.ready", fifo);
	int fd = mkfifo(fifo, 0600) ? -1 : open(fifo, O_RDWR);
	if (fd < 0 || close(open(ready, O_CREAT | O_WRONLY, 0600)) || read(fd, &byte, 1) != 1)
		exit(3);
	close(fd);
}

int main(int argc, char **argv)
{
	void *library;
	const char *fifo = getenv("EMBED_GO");

	if (argc < 3)
		return 2;
	if (fifo)
		wait_for(fifo);
	library = must(dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL));
	argv[1] = argv[0];
	int (*bytes_main)(int, char **) = dlsym(library, "Py_BytesMain"); /* 3.8+ */

	if (bytes_main)
		return bytes_main(argc - 1, argv + 1);
	wchar_t *(*decode)(const char *, size_t *) = dlsym(library, "Py_DecodeLocale"); /* 3.5+ */

	if (!decode) { /* 2.7: Py_Main takes bytes */
		bytes_main = must(dlsym(library, "Py_Main"));
		return bytes_main(argc - 1, argv + 1);
	}
	int (*wide_main)(int, wchar_t **) = must(dlsym(library, "Py_Main"));
	wchar_t **wide = calloc(argc, sizeof(*wide));

	for (int i = 1; i < argc; i++)
		wide[i - 1] = decode(argv[i], NULL);
	return wide_main(argc - 1, wide);
}
