/*
 * Packed cores: zstd, lz4, xz, gzip and bzip2 files, which systemd-coredump and others write, and
 * apport's crash reports.
 *
 * A packed core is unpacked once, as a stream, into a temporary file that has no name, so that
 * nothing is left behind however this process ends.  Pages of zeros take no disk.  At most one
 * filter is applied, no program is run.
 */
#ifndef PW_TARGET_CORE_UNPACK_H
#define PW_TARGET_CORE_UNPACK_H

#include "base/error.h"

struct core_unpacked {
	int fd;		  /* the temporary file; -1: the file is not packed */
	const char *kind; /* "zstd", "apport report", ... */
	char *executable; /* that a report names; NULL: none; owned */
	char *trouble;	  /* why the stream ends before its end; NULL: it does not; owned */
};

/*
 * Looks at the file's first bytes, and unpacks it when they say that it is packed.  A stream that
 * is cut or damaged is unpacked as far as it goes, and `trouble` says so.  What is not an ELF file
 * is not unpacked further than its beginning.  The folder is $TMPDIR, or the first of /var/tmp and
 * /tmp that can be written; a twentieth of its disk stays free.  Errors: IO (does not fit, cannot
 * be written), FORMAT (nothing could be unpacked, a report without core), UNSUPPORTED, NOMEM.
 */
struct pw_error *core_unpack(int fd, const char *path, struct core_unpacked *ret);

/* A crash report's text, up to its core; false: no report, or one without core.  The core's bytes,
 * base64 and packed, begin at *ret_offset; *ret_executable, owned, may be NULL. */
bool core_report_find(int fd, uint64_t *ret_offset, char **ret_executable);

/* Decodes base64 lines that begin with a space: the value of a key in a crash report. */
struct core_report_decoder {
	uint32_t bits;
	unsigned count;	  /* characters in `bits` */
	bool line_begins; /* the next character decides whether the value goes on */
	bool ended;
};
/* Decodes `length` characters to at most 3/4 as many bytes and 3 more; returns how many bytes. */
size_t core_report_decode(struct core_report_decoder *decoder, const char *text, size_t length,
			  uint8_t *bytes);

#endif
