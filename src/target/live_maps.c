/*
 * The mappings of a live process and the files behind them.
 *
 * The kernel shows paths from our own root where it can: a process in another root of the same
 * mount namespace has its root's path in front of them, which is taken off here to give the
 * target's view.
 */
#include "target/live.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A link's text; NULL: none, or out of memory. */
static char *read_link(const char *dir, const char *name)
{
	char path[96], text[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ssize_t length = readlink(path, text, sizeof(text) - 1);
	return length < 0 ? NULL : strndup(text, (size_t)length);
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The path as the target sees it, a part of `path`; *ret_outside: it is not below the target's
 * root. */
static const char *target_view(const struct pw_live *live, const char *path, bool *ret_outside)
{
	const char *link = live->root_link;
	*ret_outside = false;
	if (!link || !strcmp(link, "/"))
		return path;
	size_t length = strlen(link);
	if (!strncmp(path, link, length) && path[length] == '/')
		return path + length;
	*ret_outside = true;
	return path;
}

/* The mapped file itself, whatever became of its name; NULL: we may not. */
static char *map_file(const struct pw_live *live, const struct pw_mapping *mapping)
{
	char *path;
	struct stat st;
	if (asprintf(&path, "%s/map_files/%llx-%llx", live->proc,
		     (unsigned long long)mapping->start, (unsigned long long)mapping->end) < 0)
		return NULL;
	/* Opening what is no regular file might do something. */
	pw_auto_close int fd =
		stat(path, &st) || !S_ISREG(st.st_mode) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return path;
	free(path);
	return NULL;
}

static bool inode_agrees(const char *path, const struct pw_proc_map *map)
{
	struct stat st;
	return !stat(path, &st) && st.st_ino == map->inode;
}

static bool is_executable(const struct pw_live *live, const struct pw_proc_map *map)
{
	char exe[96];
	struct stat st;
	snprintf(exe, sizeof(exe), "%s/exe", live->proc);
	return !stat(exe, &st) && st.st_ino == map->inode && major(st.st_dev) == map->dev_major &&
	       minor(st.st_dev) == map->dev_minor;
}

/*
 * How we open a mapped file.  Its name counts only while it leads to the same inode; overlay file
 * systems show another one, so that a name that disagrees is still better than nothing: build-ids
 * decide.
 */
static char *find_host_path(const struct pw_live *live, const struct pw_proc_map *map, bool sysroot)
{
	bool outside;
	const char *path = target_view(live, map->path, &outside);
	char *named = NULL, *host;
	if (path[0] != '/')
		return NULL;
	if (!map->deleted && !outside)
		named = pw_target_host_path(&live->base, path);
	else if (!map->deleted && live->same_mounts && !access(path, R_OK))
		named = strdup(path);
	if (named && (sysroot || inode_agrees(named, map)))
		return named;
	host = map_file(live, &map->mapping);
	if (!host && is_executable(live, map) && asprintf(&host, "%s/exe", live->proc) < 0)
		host = NULL;
	if (!host)
		return named;
	free(named);
	return host;
}

static struct pw_error *set_executable(struct pw_live *live, bool sysroot)
{
	struct pw_target *target = &live->base;
	pw_auto_free char *link = read_link(live->proc, "exe");
	if (!link)
		return NULL;
	char exe[96];
	snprintf(exe, sizeof(exe), "%s/exe", live->proc);
	bool outside;
	const char *path = target_view(live, link, &outside);
	char *named = outside ? strdup(path) : pw_target_host_path(target, path);
	if (named && !same_file(named, exe) && (outside || !sysroot)) {
		free(named);
		named = NULL;
	}
	target->executable = strdup(path);
	target->executable_host = named ? named : strdup(exe);
	return target->executable && target->executable_host ? NULL : &pw_error_nomem;
}

static struct pw_error *set_root(struct pw_live *live, const struct pw_options *options)
{
	char mnt[96];
	snprintf(mnt, sizeof(mnt), "%s/ns/mnt", live->proc);
	live->same_mounts = same_file(mnt, "/proc/self/ns/mnt");
	live->root_link = read_link(live->proc, "root");
	live->base.root = pw_host_root(options ? options->sysroot : NULL, live->proc);
	return live->base.root ? NULL : &pw_error_nomem;
}

static struct pw_error *add_line(struct pw_live *live, char *line, bool sysroot,
				 struct pw_proc_map *last, char **last_host)
{
	struct pw_proc_map map;
	if (!pw_proc_parse_map(line, &map))
		return NULL;
	bool outside, same = map.path && last->path && map.inode == last->inode &&
			     map.deleted == last->deleted && !strcmp(map.path, last->path);
	if (!same) {
		free(*last_host);
		*last_host = map.path && map.inode ? find_host_path(live, &map, sysroot) : NULL;
	}
	*last = map;
	map.mapping.path = map.path ? (char *)target_view(live, map.path, &outside) : NULL;
	map.mapping.host_path = *last_host;
	return pw_target_add_mapping(&live->base, &map.mapping);
}

/* FNV-1a: enough to see that a text is another one. */
static uint64_t hash_text(const struct pw_buffer *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < text->length; i++)
		hash = (hash ^ (uint8_t)text->data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static struct pw_error *read_maps(const struct pw_live *live, struct pw_buffer *ret)
{
	enum { MAX_MAPS = 1 << 28 };
	char path[96];
	snprintf(path, sizeof(path), "%s/maps", live->proc);
	int errnum = pw_proc_read(path, MAX_MAPS, ret);
	if (errnum == EACCES || errnum == EPERM)
		return pw_live_permission(live->base.pid, "the mappings");
	return errnum ? pw_error_from_errno(errnum, "cannot read %s", path) : NULL;
}

/* Changes `text`. */
static struct pw_error *add_lines(struct pw_live *live, char *text)
{
	struct pw_error *error = NULL;
	struct pw_proc_map last = {0};
	pw_auto_free char *last_host = NULL;
	for (char *line = text, *next; !error && line && *line; line = next) {
		char *end = strchr(line, '\n');
		next = end ? end + 1 : NULL;
		if (end)
			*end = 0;
		error = add_line(live, line, live->given_root, &last, &last_host);
	}
	return error;
}

struct pw_error *pw_live_load_maps(struct pw_live *live, const struct pw_options *options)
{
	pw_auto_buffer struct pw_buffer text;
	pw_buffer_init(&text);
	live->given_root = options && options->sysroot;
	live->maps_fresh = true;
	struct pw_error *error = read_maps(live, &text);
	if (!error)
		error = set_root(live, options);
	if (error)
		return error;
	live->maps_hash = hash_text(&text);
	error = add_lines(live, text.data);
	return error ? error : set_executable(live, live->given_root);
}

struct pw_error *pw_live_reload_maps(struct pw_live *live)
{
	pw_auto_buffer struct pw_buffer text;
	pw_buffer_init(&text);
	bool fresh = live->maps_fresh;
	live->maps_fresh = false;
	struct pw_error *error = fresh ? NULL : read_maps(live, &text);
	uint64_t hash = hash_text(&text);
	if (error || fresh || hash == live->maps_hash)
		return error;
	live->maps_hash = hash;
	live->base.mapping_changes++;
	pw_target_clear_mappings(&live->base);
	return add_lines(live, text.data);
}
