#include "target/core_unpack.h"

#include "target/core_archive.h"
#include "target/core_spill.h"
#include "target/internal.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 64 << 10 };

struct filter {
	uint32_t magic, mask;
	const char *name;
	size_t add; /* offset of the function in struct core_archive_api */
};

/* Magic numbers as little-endian words: RFC 8878, lz4_Frame_format.md, xz-file-format.txt, RFC
 * 1952, bzip2's "BZh". */
#define ADD(name) offsetof(struct core_archive_api, filter_##name)
static const struct filter filters[] = {
	{0xfd2fb528, 0xffffffff, "zstd", ADD(zstd)},   {0x184d2204, 0xffffffff, "lz4", ADD(lz4)},
	{0x587a37fd, 0xffffffff, "xz", ADD(xz)},       {0x00088b1f, 0x00ffffff, "gzip", ADD(gzip)},
	{0x00685a42, 0x00ffffff, "bzip2", ADD(bzip2)},
};

static uint32_t get_u32(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static const struct filter *find_filter(const uint8_t first[4])
{
	uint32_t word = get_u32(first);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		if ((word & filters[i].mask) == filters[i].magic)
			return &filters[i];
	return NULL;
}

/* What the file is packed with, by its first frame that holds data: zstd and lz4 may begin with
 * frames to be skipped (RFC 8878, 3.1.2), which do not say whose they are. */
static const struct filter *find_frame(int fd, uint64_t *ret_offset)
{
	enum { SKIPPED_MAX = 64 };
	uint8_t head[8];
	*ret_offset = 0;
	for (int i = 0; i < SKIPPED_MAX; i++) {
		if (*ret_offset > INT64_MAX ||
		    pread(fd, head, sizeof(head), (off_t)*ret_offset) != sizeof(head))
			return NULL;
		if ((get_u32(head) & 0xfffffff0) != 0x184d2a50)
			return find_filter(head);
		*ret_offset += sizeof(head) + get_u32(head + 4);
	}
	return NULL;
}

/* ---- the packed bytes ---- */

struct source {
	const struct core_archive_api *api;
	int fd;
	uint64_t offset;
	bool report;
	struct core_report_decoder decoder;
	char raw[BLOCK];
	uint8_t decoded[BLOCK];
};

static ssize_t read_raw(struct source *source)
{
	ssize_t got;
	do
		got = pread(source->fd, source->raw, sizeof(source->raw), (off_t)source->offset);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		source->offset += (uint64_t)got;
	return got;
}

/* The next bytes; 0: the end, negative: cannot be read. */
static ssize_t source_read(struct source *source, const void **ret)
{
	ssize_t got = read_raw(source);
	*ret = source->raw;
	while (source->report && got > 0) {
		got = (ssize_t)core_report_decode(&source->decoder, source->raw, (size_t)got,
						  source->decoded);
		*ret = source->decoded;
		if (got || source->decoder.ended)
			break;
		got = read_raw(source);
	}
	return got;
}

static la_ssize_t archive_read(struct archive *archive, void *data, const void **ret)
{
	struct source *source = data;
	ssize_t got = source_read(source, ret);
	if (got < 0)
		source->api->set_error(archive, errno, "%s", strerror(errno));
	return got;
}

/* ---- the stream ---- */

/* Anything but OK would have libarchive run a program. */
static bool add_filter(const struct core_archive_api *api, struct archive *archive, size_t offset)
{
	int (*add)(struct archive * archive);
	memcpy(&add, (const char *)api + offset, sizeof(add));
	return add(archive) == ARCHIVE_OK;
}

/* Moves the unpacked bytes; ends at the end of the stream, of the disk, or where it is damaged. */
static struct pw_error *pump(const struct core_archive_api *api, struct archive *archive,
			     struct core_spill *spill, char **ret_trouble)
{
	const void *bytes;
	size_t length;
	la_int64_t at;
	struct archive_entry *entry;
	int result = api->read_next_header(archive, &entry);
	bool begins = true;
	/* What the filter does not take for its own would come through as it is. */
	if (result == ARCHIVE_OK && api->filter_code(archive, 0) == ARCHIVE_FILTER_NONE)
		return (*ret_trouble = strdup("its header is damaged")) ? NULL : &pw_error_nomem;
	while (result == ARCHIVE_OK &&
	       (result = api->read_data_block(archive, &bytes, &length, &at)) == ARCHIVE_OK) {
		struct pw_error *error = core_spill_write(spill, bytes, length);
		if (error)
			return error;
		if (begins && length >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) != 0)
			return core_spill_finish(spill);
		begins &= length == 0;
	}
	if (result != ARCHIVE_EOF) {
		const char *why = api->error_string(archive);
		if (!(*ret_trouble = strdup(why ? why : "damaged")))
			return &pw_error_nomem;
	}
	return core_spill_finish(spill);
}

static struct pw_error *unpack_with(struct archive *archive, struct source *source,
				    const struct filter *filter, const char *path,
				    struct core_unpacked *ret)
{
	const struct core_archive_api *api = source->api;
	struct core_spill spill;
	if (!archive || api->format_raw(archive) != ARCHIVE_OK ||
	    api->format_empty(archive) != ARCHIVE_OK)
		return &pw_error_nomem;
	if (!add_filter(api, archive, filter->add))
		return pw_error_create(PW_ERROR_UNSUPPORTED,
				       "%s is packed (%s), which this libarchive cannot unpack",
				       path, filter->name);
	struct pw_error *error = core_spill_init(&spill, path, ret->kind);
	if (error)
		return error;
	if (api->read_open(archive, source, NULL, archive_read, NULL) == ARCHIVE_OK)
		error = pump(api, archive, &spill, &ret->trouble);
	else if (!(ret->trouble = strdup(api->error_string(archive))))
		error = &pw_error_nomem;
	if (!error && spill.length == 0)
		error = pw_error_create(
			PW_ERROR_FORMAT, "%s is packed (%s), and nothing of it can be unpacked: %s",
			path, ret->kind, ret->trouble ? ret->trouble : "it is empty");
	if (!error) {
		ret->fd = spill.fd;
		spill.fd = -1;
	}
	core_spill_deinit(&spill);
	return error;
}

static struct pw_error *unpack(struct source *source, const struct filter *filter, const char *path,
			       struct core_unpacked *ret)
{
	pw_auto_free char *what = NULL;
	if (asprintf(&what, "%s is packed (%s)", path, ret->kind) < 0)
		return &pw_error_nomem;
	struct pw_error *error = core_archive_load(what, &source->api);
	if (error)
		return error;
	struct archive *archive = source->api->read_new();
	error = unpack_with(archive, source, filter, path, ret);
	source->api->read_free(archive);
	return error;
}

static struct pw_error *unpack_report(struct source *source, const char *path,
				      struct core_unpacked *ret)
{
	const void *bytes;
	uint64_t begin = source->offset;
	source->report = true;
	source->decoder.line_begins = true;
	ret->kind = "apport report";
	/* The first line is the stream's header alone. */
	const struct filter *filter = source_read(source, &bytes) >= 4 ? find_filter(bytes) : NULL;
	if (!filter)
		return pw_error_create(
			PW_ERROR_UNSUPPORTED,
			"%s is a crash report whose CoreDump is neither gzip nor zstd", path);
	source->offset = begin;
	source->decoder = (struct core_report_decoder){.line_begins = true};
	return unpack(source, filter, path, ret);
}

static void forget(struct core_unpacked *ret)
{
	free(ret->executable);
	free(ret->trouble);
	ret->executable = ret->trouble = NULL;
}

struct pw_error *core_unpack(int fd, const char *path, struct core_unpacked *ret)
{
	static const char report[] = "ProblemType:";
	char first[sizeof(report) - 1];
	uint64_t offset;
	*ret = (struct core_unpacked){.fd = -1};
	const struct filter *filter = find_frame(fd, &offset);
	bool is_report = pread(fd, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
			 !memcmp(first, report, sizeof(first));
	if (!filter && !is_report)
		return NULL;
	pw_auto_free struct source *source = calloc(1, sizeof(*source));
	if (!source)
		return &pw_error_nomem;
	source->fd = fd;
	struct pw_error *error;
	if (filter) {
		source->offset = offset;
		ret->kind = filter->name;
		error = unpack(source, filter, path, ret);
	} else if (!core_report_find(fd, &source->offset, &ret->executable)) {
		error = pw_error_create(PW_ERROR_FORMAT, "%s is a crash report without CoreDump",
					path);
	} else {
		error = unpack_report(source, path, ret);
	}
	if (error)
		forget(ret);
	return error;
}
