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

void pw_code_entry_destroy(struct pw_code_entry *entry)
{
	if (!entry->borrowed)
		pw_code_deinit(&entry->code);
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

/* The same of the target as it is now. */
static bool read_key_now(struct pw_python *python, uint64_t address, struct key *ret)
{
	struct pw_target *target = python->target;
	struct pw_snapshot *snapshot = target->snapshot;
	target->snapshot = NULL;
	bool read = read_key(python, address, ret);
	target->snapshot = snapshot;
	return read;
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
	struct key then;
	pw_code_load(python, code->address, code);
	if (read_key_now(python, code->address, &then) && !memcmp(&then, key, sizeof(then)))
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
