/* What all targets share: reading, lists of mappings and threads, notes, closing. */
#include "target/target.h"
#include "target/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const supplier_names[] = {
	[PW_SUPPLIER_NONE] = "nobody",	     [PW_SUPPLIER_PROCESS] = "process",
	[PW_SUPPLIER_CORE] = "core",	     [PW_SUPPLIER_FILE] = "file",
	[PW_SUPPLIER_SNAPSHOT] = "snapshot", [PW_SUPPLIER_CALLBACK] = "callback",
};

const char *pw_supplier_name(enum pw_supplier supplier)
{
	return supplier_names[supplier];
}

static const char *const run_state_names[] = {
	[PW_RUN_UNKNOWN] = "unknown", [PW_RUN_RUNNING] = "running", [PW_RUN_SLEEPING] = "sleeping",
	[PW_RUN_DISK] = "disk",	      [PW_RUN_STOPPED] = "stopped", [PW_RUN_ZOMBIE] = "zombie",
	[PW_RUN_DEAD] = "dead",	      [PW_RUN_GONE] = "gone",
};

const char *pw_run_state_name(enum pw_run_state state)
{
	return run_state_names[state];
}

/* ---- notes ---- */

void pw_notes_add(struct pw_notes *notes, const char *format, ...)
{
	va_list ap;
	char *text;
	va_start(ap, format);
	int length = vasprintf(&text, format, ap);
	va_end(ap);
	if (length < 0)
		return;
	for (size_t i = 0; i < notes->count; i++) {
		if (!strcmp(notes->texts[i], text)) {
			free(text);
			return;
		}
	}
	char **texts = realloc(notes->texts, (notes->count + 1) * sizeof(*texts));
	if (!texts) {
		free(text);
		return;
	}
	texts[notes->count++] = text;
	notes->texts = texts;
}

void pw_notes_deinit(struct pw_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->texts[i]);
	free(notes->texts);
	*notes = (struct pw_notes){0};
}

struct pw_error *pw_target_add_missing(struct pw_target *target, const char *kind,
				       const char *format, ...)
{
	size_t n = target->missing_count;
	va_list ap;
	char *text;
	if (!(n & (n - 1))) {
		struct pw_missing *more = realloc(target->missing, (n ? n * 2 : 1) * sizeof(*more));
		if (!more)
			return &pw_error_nomem;
		target->missing = more;
	}
	va_start(ap, format);
	int length = vasprintf(&text, format, ap);
	va_end(ap);
	if (length < 0)
		return &pw_error_nomem;
	target->missing[target->missing_count++] = (struct pw_missing){kind, text};
	return NULL;
}

/* ---- life ---- */

void pw_target_clear_mappings(struct pw_target *target)
{
	for (size_t i = 0; i < target->mapping_count; i++) {
		free(target->mappings[i].path);
		free(target->mappings[i].host_path);
	}
	free(target->mappings);
	target->mappings = NULL;
	target->mapping_count = 0;
}

void pw_target_destroy(struct pw_target *target)
{
	if (!target)
		return;
	pw_snapshot_destroy(target);
	pw_target_clear_mappings(target);
	free(target->lwps);
	free(target->executable);
	free(target->executable_host);
	free(target->root);
	pw_notes_deinit(&target->notes);
	for (size_t i = 0; i < target->missing_count; i++)
		free(target->missing[i].text);
	free(target->missing);
	if (target->ops->destroy)
		target->ops->destroy(target);
}

/* ---- mappings ---- */

/* Index of the first mapping that ends behind `address`. */
static size_t mapping_index(const struct pw_target *target, uint64_t address)
{
	size_t low = 0, high = target->mapping_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (target->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct pw_mapping *pw_target_mapping(const struct pw_target *target, uint64_t address)
{
	size_t i = mapping_index(target, address);
	if (i == target->mapping_count || target->mappings[i].start > address)
		return NULL;
	return &target->mappings[i];
}

struct pw_error *pw_target_add_mapping(struct pw_target *target, const struct pw_mapping *mapping)
{
	struct pw_mapping m = *mapping;
	size_t at = mapping_index(target, m.start);
	if (at < target->mapping_count && target->mappings[at].start <= m.start) {
		uint64_t cut = target->mappings[at].end - m.start;
		m.start += cut;
		m.offset += cut;
		at++;
	}
	if (at < target->mapping_count && m.end > target->mappings[at].start)
		m.end = target->mappings[at].start;
	if (m.start >= m.end)
		return NULL;

	size_t count = target->mapping_count;
	/* The array grows whenever the count is a power of two. */
	if ((count & (count - 1)) == 0) {
		struct pw_mapping *bigger =
			realloc(target->mappings, (count ? count * 2 : 1) * sizeof(*bigger));
		if (!bigger)
			return &pw_error_nomem;
		target->mappings = bigger;
	}
	m.path = mapping->path ? strdup(mapping->path) : NULL;
	m.host_path = mapping->host_path ? strdup(mapping->host_path) : NULL;
	if ((mapping->path && !m.path) || (mapping->host_path && !m.host_path)) {
		free(m.path);
		free(m.host_path);
		return &pw_error_nomem;
	}
	memmove(&target->mappings[at + 1], &target->mappings[at], (count - at) * sizeof(m));
	target->mappings[at] = m;
	target->mapping_count++;
	return NULL;
}

/* ---- threads ---- */

struct pw_error *pw_target_add_lwp(struct pw_target *target, const struct pw_lwp *lwp)
{
	size_t count = target->lwp_count;
	if ((count & (count - 1)) == 0) {
		struct pw_lwp *bigger =
			realloc(target->lwps, (count ? count * 2 : 1) * sizeof(*bigger));
		if (!bigger)
			return &pw_error_nomem;
		target->lwps = bigger;
	}
	target->lwps[target->lwp_count++] = *lwp;
	return NULL;
}

void pw_target_clear_lwps(struct pw_target *target)
{
	free(target->lwps);
	target->lwps = NULL;
	target->lwp_count = 0;
}

static int compare_lwps(const void *a, const void *b, void *data)
{
	const struct pw_lwp *x = a, *y = b;
	uint64_t pid = *(const uint64_t *)data;
	if ((x->tid == pid) != (y->tid == pid))
		return x->tid == pid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

void pw_target_sort_lwps(struct pw_target *target)
{
	uint64_t pid = (uint64_t)target->pid;
	if (target->lwp_count)
		qsort_r(target->lwps, target->lwp_count, sizeof(target->lwps[0]), compare_lwps,
			&pid);
}

struct pw_lwp *pw_target_lwp(const struct pw_target *target, uint64_t tid)
{
	/* The main thread is first, the others are sorted. */
	size_t low = target->lwp_count && target->lwps[0].tid == (uint64_t)target->pid;
	size_t high = target->lwp_count;
	if (low && tid == target->lwps[0].tid)
		return &target->lwps[0];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (target->lwps[middle].tid == tid)
			return &target->lwps[middle];
		if (target->lwps[middle].tid < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *pw_taken_name(enum pw_taken taken)
{
	static const char *const names[] = {
		[PW_TAKEN_NOT] = NULL,		[PW_TAKEN_ASLEEP] = "asleep",
		[PW_TAKEN_STOPPED] = "stopped", [PW_TAKEN_RUNNING] = "running",
		[PW_TAKEN_TWICE] = "twice",
	};
	return names[taken];
}

void pw_lwp_set_name(struct pw_lwp *lwp, const void *bytes, size_t length)
{
	pw_auto_buffer struct pw_buffer text;
	pw_buffer_init(&text);
	lwp->name[0] = 0;
	pw_text_append_bytes(&text, bytes, length);
	/* 15 bytes of four characters each fit. */
	if (!text.failed && text.data && text.length < sizeof(lwp->name))
		memcpy(lwp->name, text.data, text.length + 1);
}

/* ---- reading ---- */

struct pw_error *pw_read_some(struct pw_target *target, uint64_t address, void *buffer,
			      size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	size_t done = 0;
	enum pw_supplier supplier = PW_SUPPLIER_NONE;
	/* The last byte of the address space is nobody's, so an end of 2^64 needs no care. */
	if (length > UINT64_MAX - address)
		length = (size_t)(UINT64_MAX - address);
	struct pw_error *error = NULL;
	if (length && target->snapshot)
		error = pw_snapshot_read(target, address, buffer, length, &done, &supplier);
	else if (length)
		error = target->ops->read(target, address, buffer, length, &done, &supplier);
	*ret_done = done;
	if (ret_supplier)
		*ret_supplier = supplier;
	return error;
}

struct pw_error *pw_read(struct pw_target *target, uint64_t address, void *buffer, size_t length)
{
	size_t done;
	if (!length)
		return NULL;
	struct pw_error *error = pw_read_some(target, address, buffer, length, &done, NULL);
	if (error || done == length)
		return error;
	return pw_error_create_at(PW_ERROR_UNREADABLE, address + done,
				  "cannot read %zu bytes at %#llx: nothing at %#llx", length,
				  (unsigned long long)address,
				  (unsigned long long)(address + done));
}

struct pw_error *pw_read_u64(struct pw_target *target, uint64_t address, uint64_t *ret)
{
	uint64_t value = 0;
	struct pw_error *error = pw_read(target, address, &value, sizeof(value));
	if (!error)
		*ret = value;
	return error;
}

struct pw_error *pw_read_u32(struct pw_target *target, uint64_t address, uint32_t *ret)
{
	uint32_t value = 0;
	struct pw_error *error = pw_read(target, address, &value, sizeof(value));
	if (!error)
		*ret = value;
	return error;
}

struct pw_error *pw_read_u8(struct pw_target *target, uint64_t address, uint8_t *ret)
{
	uint8_t value = 0;
	struct pw_error *error = pw_read(target, address, &value, sizeof(value));
	if (!error)
		*ret = value;
	return error;
}

struct pw_error *pw_read_string(struct pw_target *target, uint64_t address, char *buffer,
				size_t max)
{
	/* Short pieces: most strings are, and the next page may not be there. */
	enum { PIECE = 256 };
	size_t have = 0;
	while (have < max) {
		size_t piece = PIECE - (size_t)((address + have) % PIECE), done;
		if (piece > max - have)
			piece = max - have;
		struct pw_error *error =
			pw_read_some(target, address + have, buffer + have, piece, &done, NULL);
		if (error)
			return error;
		if (memchr(buffer + have, 0, done))
			return NULL;
		if (done < piece)
			return pw_error_create_at(
				PW_ERROR_UNREADABLE, address + have + done,
				"cannot read the string at %#llx: nothing at %#llx",
				(unsigned long long)address,
				(unsigned long long)(address + have + done));
		have += piece;
	}
	buffer[max] = 0;
	return NULL;
}
