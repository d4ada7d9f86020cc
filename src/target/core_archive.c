#include "target/core_archive.h"

#include <dlfcn.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(member, name)                                                                     \
	{                                                                                          \
#name, offsetof(struct core_archive_api, member)                                   \
	}
	FUNCTION(read_new, archive_read_new),
	FUNCTION(read_free, archive_read_free),
	FUNCTION(read_open, archive_read_open),
	FUNCTION(read_next_header, archive_read_next_header),
	FUNCTION(read_data_block, archive_read_data_block),
	FUNCTION(format_raw, archive_read_support_format_raw),
	FUNCTION(format_empty, archive_read_support_format_empty),
	FUNCTION(filter_code, archive_filter_code),
	FUNCTION(error_string, archive_error_string),
	FUNCTION(set_error, archive_set_error),
	FUNCTION(filter_zstd, archive_read_support_filter_zstd),
	FUNCTION(filter_lz4, archive_read_support_filter_lz4),
	FUNCTION(filter_xz, archive_read_support_filter_xz),
	FUNCTION(filter_gzip, archive_read_support_filter_gzip),
	FUNCTION(filter_bzip2, archive_read_support_filter_bzip2),
};

struct pw_error *core_archive_load(const char *what, const struct core_archive_api **ret)
{
	static struct core_archive_api api;
	/* The soname since libarchive 3.0. */
	void *library = dlopen("libarchive.so.13", RTLD_LAZY | RTLD_LOCAL);
	if (!library)
		return pw_error_create(PW_ERROR_UNSUPPORTED, "%s, which needs libarchive: %s", what,
				       dlerror());
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(library, functions[i].name);
		if (!function)
			return pw_error_create(PW_ERROR_UNSUPPORTED,
					       "%s, which needs %s of libarchive 3.3: %s", what,
					       functions[i].name, dlerror());
		memcpy((char *)&api + functions[i].offset, &function, sizeof(function));
	}
	*ret = &api;
	return NULL;
}
