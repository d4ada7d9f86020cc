/*
 * Names of native frames, each address and each text once.
 */
#include "binary/names.h"

#include "base/text.h"
#include "binary/demangle.h"
#include "binary/elf_private.h"
#include "binary/source_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum {
	ADDRESS_MAX = 1 << 20, /* remembered; beyond it nothing is named */
};

/* A name or path as it stands in a file of the target, and what is shown of it. */
struct text {
	char *clean;	/* valid UTF-8, bounded; owned */
	char *function; /* demangled; NULL: not asked yet; owned unless it is `clean` */
	UT_hash_handle hh;
	char raw[];
};

struct entry {
	uint64_t address;
	struct pw_names names;
	UT_hash_handle hh;
	struct pw_native_name items[];
};

struct pw_name_cache {
	struct entry *entries[2]; /* without and with source */
	struct text *texts;
};

static const struct pw_names nothing;

void pw_name_cache_destroy(struct pw_name_cache *cache)
{
	struct entry *entry, *next_entry;
	struct text *text, *next_text;

	if (!cache)
		return;
	for (size_t i = 0; i < 2; i++) {
		HASH_ITER (hh, cache->entries[i], entry, next_entry) {
			HASH_DEL(cache->entries[i], entry);
			free(entry);
		}
	}
	HASH_ITER (hh, cache->texts, text, next_text) {
		HASH_DEL(cache->texts, text);
		if (text->function != text->clean)
			free(text->function);
		free(text->clean);
		free(text);
	}
	free(cache);
}

static char *clean_copy(const char *raw, size_t length)
{
	pw_auto_buffer struct pw_buffer b = {0};

	pw_text_append_bytes(&b, raw, length);
	return b.failed || !b.data ? NULL : pw_buffer_steal(&b);
}

static struct text *intern(struct pw_name_cache *cache, const char *raw)
{
	size_t length = strnlen(raw, PW_NAME_MAX);
	struct text *text;

	HASH_FIND(hh, cache->texts, raw, length, text);
	if (text || !length)
		return text;
	text = calloc(1, sizeof(*text) + length + 1);
	if (!text)
		return NULL;
	memcpy(text->raw, raw, length);
	text->clean = clean_copy(raw, length);
	if (text->clean)
		HASH_ADD(hh, cache->texts, raw, length, text);
	if (!text->clean || !text->hh.tbl) {
		free(text->clean);
		free(text);
		return NULL;
	}
	return text;
}

static const char *shown(struct pw_name_cache *cache, const char *raw)
{
	struct text *text = raw ? intern(cache, raw) : NULL;

	return text ? text->clean : NULL;
}

static const char *demangled(struct pw_name_cache *cache, const char *raw)
{
	struct text *text = raw ? intern(cache, raw) : NULL;

	if (!text)
		return NULL;
	if (!text->function) {
		char *plain = pw_demangle(raw);
		text->function = plain ? clean_copy(plain, strlen(plain)) : NULL;
		free(plain);
		if (!text->function)
			text->function = text->clean;
	}
	return text->function;
}

static bool is_code(const struct pw_module *module, uint64_t address)
{
	const Elf64_Phdr *segment = pw_elf_segment(&module->elf->headers, address - module->bias);

	return segment && (segment->p_flags & PF_X);
}

/* A stripped module's own symbols are few: debuginfod may know better. */
static bool find_symbol(struct pw_modules *modules, struct pw_module *module, uint64_t address,
			struct pw_symbol *ret)
{
	if (pw_modules_symbolize(modules, address, ret, NULL) && ret->size)
		return true;
	if (!ret->name && !is_code(module, address))
		return false;
	bool full = false;
	for (size_t i = 0; i < module->elf->own.count; i++)
		full |= module->elf->own.tables[i].full;
	if (!full && pw_debug_file_fetch(modules, module))
		pw_modules_symbolize(modules, address, ret, NULL);
	return ret->name;
}

/* The name that debuggers give to a linkage stub, of the function's name. */
static const char *with_plt(struct pw_name_cache *cache, const char *name)
{
	char stub[PW_NAME_MAX + 1];

	if (!name || (size_t)snprintf(stub, sizeof(stub), "%s@plt", name) >= sizeof(stub))
		return name;
	return shown(cache, stub);
}

/* Sorts what the symbol table and DWARF say of one address into an entry. */
static struct entry *fill(struct pw_modules *modules, uint64_t address,
			  const struct pw_source_frame *frames, size_t count)
{
	struct pw_name_cache *cache = modules->names;
	struct pw_module *module = pw_modules_find(modules, address);
	struct pw_symbol symbol = {0};
	bool known = module && find_symbol(modules, module, address, &symbol);
	bool stub = module && !known && pw_plt_symbolize(modules, module, address, &symbol);
	known |= stub;
	size_t total = count ? count : module ? 1 : 0;
	struct entry *entry = calloc(1, sizeof(*entry) + total * sizeof(entry->items[0]));

	if (!entry)
		return NULL;
	entry->address = address;
	entry->names = (struct pw_names){.items = entry->items,
					 .count = total,
					 .symbol_address = known ? symbol.address : 0,
					 .module = module};
	for (size_t i = 0; i < count; i++) {
		struct pw_native_name *to = &entry->items[i];
		const char *linkage = frames[i].linkage_name;
		to->symbol = shown(cache, linkage);
		to->function = linkage ? demangled(cache, linkage) : shown(cache, frames[i].name);
		to->file = shown(cache, frames[i].file);
		to->line = frames[i].line;
		to->inlined = i + 1 < count;
	}
	if (known) {
		struct pw_native_name *last = &entry->items[total - 1];
		const char *name = demangled(cache, symbol.name);
		last->symbol = shown(cache, symbol.name);
		/* A mangled symbol says more than DWARF without a linkage name. */
		if (!last->function || (!frames[total - 1].linkage_name && name != last->symbol))
			last->function = name;
		if (stub) {
			last->symbol = with_plt(cache, last->symbol);
			last->function = with_plt(cache, last->function);
		}
	}
	return entry;
}

static size_t source_of(struct pw_modules *modules, uint64_t address, struct pw_source_frame *ret)
{
	struct pw_module *module = pw_modules_find(modules, address);
	struct pw_source *source = module ? pw_module_source(modules, module) : NULL;

	return source ? pw_source_find(source, address - module->bias, ret) : 0;
}

const struct pw_names *pw_modules_names(struct pw_modules *modules, uint64_t address, bool source)
{
	struct pw_source_frame frames[PW_INLINE_MAX];
	struct entry *entry;

	if (!modules->names)
		modules->names = calloc(1, sizeof(*modules->names));
	struct pw_name_cache *cache = modules->names;
	if (!cache)
		return &nothing;
	struct entry **entries = &cache->entries[source];
	HASH_FIND(hh, *entries, &address, sizeof(address), entry);
	if (entry)
		return &entry->names;
	if (HASH_COUNT(*entries) >= ADDRESS_MAX)
		return &nothing;
	size_t count = source ? source_of(modules, address, frames) : 0;
	entry = fill(modules, address, frames, count);
	if (!entry)
		return &nothing;
	HASH_ADD(hh, *entries, address, sizeof(address), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return &nothing;
	}
	return &entry->names;
}
