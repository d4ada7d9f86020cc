/* How the program, which ends soon, takes its memory from the kernel. */
#include "cli/cli.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void cli_memory_begin(void)
{
	/* Memory that was freed is used again, not given back and asked for anew. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
}

void cli_memory_expect(const struct pw_session *session, const struct pw_capture_options *options)
{
#ifdef MADV_POPULATE_WRITE
	/* As measured on threads of 20 frames in Python and 15 in C, with the names of those. */
	enum { MOST = 16 << 20, NAMES = 3 << 19, NATIVE = 6 << 10, PYTHON = 4 << 10, PAGE = 4096 };
	bool native = options->native != PW_NATIVE_NONE;
	size_t threads = pw_session_thread_count(session);
	size_t wanted = threads < MOST ? threads * (native ? NATIVE : PYTHON) : MOST;

	wanted += native ? NAMES : 0;
	if (wanted > MOST)
		wanted = MOST;
	char *memory = malloc(wanted + PAGE);
	if (!memory)
		return;
	/* Kernels before 5.14 refuse: then each page costs a fault when it is used. */
	madvise(memory + PAGE - (uintptr_t)memory % PAGE, wanted - PAGE, MADV_POPULATE_WRITE);
	free(memory);
#endif
}
