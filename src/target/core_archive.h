/*
 * libarchive, loaded when the first packed core is opened: it brings an XML parser and ICU along,
 * and looking those up would double the time that everything else takes (2.5 ms of 5 for a dump of
 * 20 threads).
 */
#ifndef PW_TARGET_CORE_ARCHIVE_H
#define PW_TARGET_CORE_ARCHIVE_H

#include "base/error.h"

#include <archive.h>

struct core_archive_api {
	typeof(archive_read_new) *read_new;
	typeof(archive_read_free) *read_free;
	typeof(archive_read_open) *read_open;
	typeof(archive_read_next_header) *read_next_header;
	typeof(archive_read_data_block) *read_data_block;
	typeof(archive_read_support_format_raw) *format_raw;
	typeof(archive_read_support_format_empty) *format_empty;
	typeof(archive_filter_code) *filter_code;
	typeof(archive_error_string) *error_string;
	typeof(archive_set_error) *set_error;
	int (*filter_zstd)(struct archive *archive);
	int (*filter_lz4)(struct archive *archive);
	int (*filter_xz)(struct archive *archive);
	int (*filter_gzip)(struct archive *archive);
	int (*filter_bzip2)(struct archive *archive);
};

/* Never unloaded.  UNSUPPORTED when the library is not there; `what` begins the message. */
struct pw_error *core_archive_load(const char *what, const struct core_archive_api **ret);

#endif
