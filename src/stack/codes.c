/* PyUnicodeObject (3.x) and PyStringObject (2.7) keep length and hash behind their type: CPython
 * Include/unicodeobject.h, cpython/unicodeobject.h, Include/stringobject.h. */
#include "stack/codes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_WORDS = 14, KEPT_MAX = 1 << 15 };

struct key {
	uint64_t words[KEY_WORDS];
};

struct kept {
	uint64_t address;
	struct key key;
	struct pw_code code;
	UT_hash_handle hh;
};

struct pw_codes {
	struct kept *kept; /* uthash, by address */
};

struct pw_codes *pw_codes_create(void)
{
	return calloc(1, sizeof(struct pw_codes));
}

static void forget(struct pw_codes *codes, struct kept *kept)
{
	HASH_DEL(codes->kept, kept);
	pw_code_deinit(&kept->code);
	free(kept);
}

static void forget_all(struct pw_codes *codes)
{
	struct kept *kept, *next;
	HASH_ITER (hh, codes->kept, kept, next)
		forget(codes, kept);
}

void pw_codes_destroy(struct pw_codes *codes)
{
	if (!codes)
		return;
	forget_all(codes);
	free(codes);
}

void pw_codes_tidy(struct pw_codes *codes)
{
	if (HASH_COUNT(codes->kept) > KEPT_MAX)
		forget_all(codes);
}

static void forget_code(struct pw_code_entry *entry)
{
	if (!entry->borrowed)
		pw_code_deinit(&entry->code);
}

void pw_code_entry_reset(struct pw_code_entry *entry)
{
	uint64_t address = entry->code.address;
	forget_code(entry);
	entry->code = (struct pw_code){.address = address};
	entry->borrowed = entry->loaded = entry->has_last = false;
}

void pw_code_entry_destroy(struct pw_code_entry *entry)
{
	forget_code(entry);
	free(entry);
}

/* false: something of it is not there. */
static bool read_key(struct pw_python *python, uint64_t address, struct key *ret)
{
	const struct pw_layout *l = &python->layout;
	const struct pw_field fields[] = {
		l->object_type,	   l->code_name,    l->code_qualname,  l->code_filename,
		l->code_linetable, l->code_lnotab,  l->code_code,      l->code_firstlineno,
		l->code_consts,	   l->code_nlocals, l->code_stacksize, l->code_localsplusnames};
	enum { FIELDS = sizeof(fields) / sizeof(*fields), NAME = 1, BEHIND_TYPE = 8 };
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields[i].offset < 0)
			continue;
		pw_auto_error struct pw_error *error =
			pw_read_field(python, address, fields[i], &ret->words[i]);
		if (error)
			return false;
	}
	/* Its length and its hash. */
	_Static_assert(FIELDS + 2 <= KEY_WORDS, "a key has room for all");
	uint64_t name = ret->words[NAME] + (uint64_t)l->object_type.offset + BEHIND_TYPE;
	pw_auto_error struct pw_error *error =
		pw_read(python->target, name, &ret->words[FIELDS], 2 * sizeof(uint64_t));
	return !error;
}

/*
 * An object's first word: its number of references, or whose it is in free-threaded builds.  What
 * is freed keeps its bytes for a while, but for the first word, into which the allocator puts the
 * address of the next free block, or 0 (Objects/obmalloc.c, mimalloc).
 */
static uint64_t first_word(struct pw_python *python, uint64_t address)
{
	uint64_t word;
	pw_auto_error struct pw_error *error = pw_read_u64(python->target, address, &word);
	return error ? 0 : word;
}

static bool is_alive(const struct pw_layout *l, uint64_t then, uint64_t now)
{
	enum { MANY = 1 << 16, HALF = 32, PLAIN = 8 };
	if (l->object_type.offset != PLAIN)
		return now == then;
	/* From 3.14 on flags stand in the upper half. */
	uint32_t before = (uint32_t)then, after = (uint32_t)now;
	uint32_t apart = before < after ? after - before : before - after;
	return then >> HALF == now >> HALF && after && apart < MANY;
}

/* Whether it is the same code object in the target as it is now. */
static bool is_still_there(struct pw_python *python, uint64_t address, const struct key *key)
{
	struct key now;
	struct pw_target *target = python->target;
	uint64_t then = first_word(python, address);
	struct pw_snapshot *snapshot = target->snapshot;
	target->snapshot = NULL;
	bool same = read_key(python, address, &now) && !memcmp(&now, key, sizeof(now)) &&
		    is_alive(&python->layout, then, first_word(python, address));
	target->snapshot = snapshot;
	return same;
}

void pw_codes_touch(struct pw_codes *codes, struct pw_python *python, uint64_t address)
{
	struct kept *kept;
	struct key key;
	HASH_FIND(hh, codes->kept, &address, sizeof(address), kept);
	if (!kept || !read_key(python, address, &key))
		pw_code_touch(python, address);
}

static void keep(struct pw_codes *codes, const struct key *key, struct pw_code_entry *entry)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return;
	kept->address = entry->code.address;
	kept->key = *key;
	kept->code = entry->code;
	entry->borrowed = true;
	HASH_ADD(hh, codes->kept, address, sizeof(kept->address), kept);
}

/* Of a code object that was copied without what it points to. */
static void load_now(struct pw_python *python, const struct key *key, struct pw_code *code)
{
	pw_code_load(python, code->address, code);
	if (is_still_there(python, code->address, key))
		return;
	uint64_t address = code->address;
	pw_code_deinit(code);
	code->address = address;
	code->error = pw_error_create_at(
		PW_ERROR_UNREADABLE, address,
		"code object 0x%" PRIx64 " was freed before its name could be read", address);
}

void pw_codes_load(struct pw_codes *codes, struct pw_python *python, bool moment,
		   struct pw_code_entry *entry)
{
	struct kept *kept;
	struct key key;
	uint64_t address = entry->code.address;
	bool has_key = read_key(python, address, &key);
	HASH_FIND(hh, codes->kept, &address, sizeof(address), kept);
	if (kept && has_key && !memcmp(&kept->key, &key, sizeof(key))) {
		entry->code = kept->code;
		entry->borrowed = true;
		return;
	}
	bool known = kept;
	if (kept)
		forget(codes, kept);
	if (moment)
		pw_snapshot_close(python->target, false);
	if (moment || known)
		load_now(python, &key, &entry->code);
	else
		pw_code_load(python, address, &entry->code);
	if (moment)
		pw_snapshot_close(python->target, true);
	if (has_key && !entry->code.error)
		keep(codes, &key, entry);
}
