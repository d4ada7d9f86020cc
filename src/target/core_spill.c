#include "target/core_spill.h"

#include "target/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { BLOCK = 64 << 10, CHECK_EVERY = 4 << 20, KEPT_FREE = 20 /* one part in so many */ };

/* ---- the file ---- */

static int open_in(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	/* A file system without nameless files: the name is gone before a byte is written. */
	pw_auto_free char *name = NULL;
	if (asprintf(&name, "%s/pywalk-core-XXXXXX", folder) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* /tmp may be memory: the disk comes first. */
static int open_somewhere(const char **ret_folder)
{
	static const char *const usual[] = {"/var/tmp", "/tmp"};
	const char *chosen = getenv("TMPDIR");
	int fd = -1;
	*ret_folder = chosen;
	if (chosen && *chosen)
		return open_in(chosen);
	for (size_t i = 0; fd < 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		fd = open_in(*ret_folder = usual[i]);
	return fd;
}

struct pw_error *core_spill_init(struct core_spill *spill, const char *path, const char *kind)
{
	const char *folder;
	*spill = (struct core_spill){.path = path, .kind = kind};
	spill->fd = open_somewhere(&folder);
	if (spill->fd < 0)
		return pw_error_create(PW_ERROR_IO,
				       "cannot make a temporary file in %s to unpack %s (TMPDIR "
				       "names another folder): %s",
				       folder, path, strerror(errno));
	spill->folder = strdup(folder);
	spill->pending = malloc(BLOCK);
	if (spill->folder && spill->pending)
		return NULL;
	core_spill_deinit(spill);
	return &pw_error_nomem;
}

void core_spill_deinit(struct core_spill *spill)
{
	if (spill->fd >= 0)
		close(spill->fd);
	free(spill->folder);
	free(spill->pending);
}

/* ---- room ---- */

/* Beyond this limit a write would be a signal. */
static bool below_limit(struct core_spill *spill, uint64_t end)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    end <= limit.rlim_cur)
		return true;
	spill->limit = "the limit of file sizes, ulimit -f";
	spill->usable = limit.rlim_cur;
	return false;
}

/* Whether `more` bytes up to `end` may be stored. */
static bool has_room(struct core_spill *spill, uint64_t end, size_t more)
{
	struct statvfs disk;
	if (!below_limit(spill, end))
		return false;
	if (spill->allowed < more) {
		spill->allowed = CHECK_EVERY;
		if (!fstatvfs(spill->fd, &disk) && disk.f_blocks) {
			uint64_t room = disk.f_bavail * disk.f_frsize,
				 kept = disk.f_blocks * disk.f_frsize / KEPT_FREE;
			room = room > kept ? room - kept : 0;
			if (room < spill->allowed)
				spill->allowed = room;
		}
	}
	if (spill->allowed < more) {
		spill->limit = "its disk, of which a twentieth is kept free";
		spill->usable = spill->stored + spill->allowed;
		return false;
	}
	spill->allowed -= more;
	return true;
}

static struct pw_error *give_up(struct core_spill *spill, const char *limit)
{
	/* What was stored is of no use any more, and its room may be wanted. */
	spill->full = true;
	if (limit) {
		spill->limit = limit;
		spill->usable = spill->stored;
	}
	if (ftruncate(spill->fd, 0))
		return pw_error_from_errno(errno, "unpacking %s in %s", spill->path, spill->folder);
	return NULL;
}

static struct pw_error *store(struct core_spill *spill, const uint8_t *bytes, uint64_t offset,
			      size_t length)
{
	if (!spill->full && !has_room(spill, offset + length, length)) {
		struct pw_error *error = give_up(spill, NULL);
		if (error)
			return error;
	}
	spill->stored += length;
	for (size_t done = 0; !spill->full && done < length;) {
		ssize_t put =
			pwrite(spill->fd, bytes + done, length - done, (off_t)(offset + done));
		if (put >= 0)
			done += (size_t)put;
		else if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
			return give_up(spill, strerrordesc_np(errno));
		else if (errno != EINTR)
			return pw_error_from_errno(errno, "unpacking %s in %s", spill->path,
						   spill->folder);
	}
	return NULL;
}

/* ---- writing ---- */

static bool is_zero(const uint8_t *page, size_t length)
{
	return !page[0] && !memcmp(page, page + 1, length - 1);
}

/* Stores the pages of a block that are not zero, runs of them at a time. */
static struct pw_error *store_block(struct core_spill *spill, const uint8_t *block, size_t length)
{
	struct pw_error *error = NULL;
	for (size_t at = 0, end; !error && at < length; at = end) {
		size_t first = at;
		for (end = at; end < length; end += PW_PAGE) {
			size_t piece = length - end < PW_PAGE ? length - end : PW_PAGE;
			if (!is_zero(block + end, piece))
				continue;
			if (end > first)
				break;
			first = end + PW_PAGE;
		}
		if (end > length)
			end = length;
		if (first < end)
			error = store(spill, block + first, spill->length + first, end - first);
	}
	spill->length += length;
	return error;
}

struct pw_error *core_spill_write(struct core_spill *spill, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	while (length) {
		size_t have = (size_t)(spill->received % BLOCK), piece = BLOCK - have;
		if (piece > length)
			piece = length;
		memcpy(spill->pending + have, from, piece);
		spill->received += piece;
		from += piece;
		length -= piece;
		if (have + piece < BLOCK)
			break;
		struct pw_error *error = store_block(spill, spill->pending, BLOCK);
		if (error)
			return error;
	}
	return NULL;
}

/* "1.5 GB" */
static void format_size(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
	size_t unit = 0;
	double value = (double)bytes;
	while (value >= 1000) {
		value /= 1000;
		unit++;
	}
	snprintf(text, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

struct pw_error *core_spill_finish(struct core_spill *spill)
{
	char needed[32], usable[32];
	struct pw_error *error =
		store_block(spill, spill->pending, (size_t)(spill->received % BLOCK));
	if (error)
		return error;
	if (!spill->full && !below_limit(spill, spill->length))
		spill->full = true;
	if (spill->full) {
		format_size(spill->stored, needed);
		format_size(spill->usable, usable);
		return pw_error_create(PW_ERROR_IO,
				       "%s does not fit into %s: unpacked (%s) it needs %s there, "
				       "%s can be used (%s); set TMPDIR to a folder with more room",
				       spill->path, spill->folder, spill->kind, needed, usable,
				       spill->limit);
	}
	if (ftruncate(spill->fd, (off_t)spill->length))
		return pw_error_from_errno(errno, "unpacking %s in %s", spill->path, spill->folder);
	return NULL;
}
