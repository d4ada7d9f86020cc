#include "core_mutations.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_SEGMENTS = 1024, TRIES = 200 };

struct segment {
	uint64_t address, size, offset, header; /* header: where its program header stands */
	uint32_t type;
};

struct mutation {
	uint8_t *data;
	size_t size;
	uint64_t state;
	struct segment segments[MAX_SEGMENTS];
	size_t count;
};

/* splitmix64 */
static uint64_t next(struct mutation *m)
{
	uint64_t z = m->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t below(struct mutation *m, uint64_t limit)
{
	return limit ? next(m) % limit : 0;
}

/* A number that breaks sums, products and comparisons. */
static uint64_t extreme(struct mutation *m)
{
	static const uint64_t values[] = {
		0,
		1,
		2,
		7,
		8,
		0x7f,
		0x80,
		0xff,
		0x7fff,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		1ull << 30,
		1ull << 40,
		1ull << 47,
		0x7fffffffffff000,
		INT64_MAX,
		1ull << 63,
		-4096ull,
		-8ull,
		-1ull,
	};
	uint64_t value = values[below(m, sizeof(values) / sizeof(values[0]))];
	return below(m, 4) ? value : value + below(m, 17) - 8;
}

static void put(struct mutation *m, uint64_t at, const void *bytes, size_t length)
{
	if (at <= m->size && length <= m->size - at)
		memcpy(m->data + at, bytes, length);
}

static uint64_t get(const struct mutation *m, uint64_t at, size_t length)
{
	uint64_t value = 0;
	if (at <= m->size && length <= m->size - at)
		memcpy(&value, m->data + at, length);
	return value;
}

static void find_segments(struct mutation *m)
{
	Elf64_Ehdr header;
	m->count = 0;
	if (m->size < sizeof(header))
		return;
	memcpy(&header, m->data, sizeof(header));
	for (unsigned i = 0; i < header.e_phnum && m->count < MAX_SEGMENTS; i++) {
		uint64_t at = header.e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
		Elf64_Phdr phdr;
		if (at > m->size || m->size - at < sizeof(phdr))
			return;
		memcpy(&phdr, m->data + at, sizeof(phdr));
		if (phdr.p_offset > m->size)
			continue;
		uint64_t have = m->size - phdr.p_offset;
		m->segments[m->count++] = (struct segment){
			.address = phdr.p_vaddr,
			.size = phdr.p_filesz < have ? phdr.p_filesz : have,
			.offset = phdr.p_offset,
			.header = at,
			.type = phdr.p_type,
		};
	}
}

static bool is_address(const struct mutation *m, uint64_t value)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct segment *s = &m->segments[i];
		if (s->type == PT_LOAD && value >= s->address && value - s->address < s->size)
			return true;
	}
	return false;
}

/* The place of an aligned word of memory; 0: found none. */
static uint64_t any_word(struct mutation *m)
{
	const struct segment *s = &m->segments[below(m, m->count)];
	if (!m->count || s->type != PT_LOAD || s->size < 16)
		return 0;
	uint64_t skip = -s->address & 7;
	return s->offset + skip + 8 * below(m, (s->size - skip) / 8);
}

static uint64_t any_pointer(struct mutation *m)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t at = any_word(m);
		if (at && is_address(m, get(m, at, 8)))
			return at;
	}
	return 0;
}

static uint64_t any_length(struct mutation *m)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t at = any_word(m), value = get(m, at, 8);
		if (at && value && value < 1 << 20)
			return at;
	}
	return 0;
}

/* ---- the mutations ---- */

static void flip_bits(struct mutation *m)
{
	for (uint64_t n = 1 + below(m, 8); n; n--)
		m->data[below(m, m->size)] ^= (uint8_t)(1 << below(m, 8));
}

static void overwrite(struct mutation *m)
{
	static const size_t sizes[] = {1, 2, 4, 8};
	uint64_t value = below(m, 2) ? extreme(m) : next(m);
	put(m, below(m, m->size), &value, sizes[below(m, 4)]);
}

/* What is pointed to becomes something else, another type, or a cycle. */
static void swap_pointers(struct mutation *m)
{
	uint64_t a = any_pointer(m), b = any_pointer(m);
	uint64_t x = get(m, a, 8), y = get(m, b, 8);
	if (!a || !b)
		return;
	put(m, a, &y, 8);
	if (below(m, 2))
		put(m, b, &x, 8);
}

static void move_pointer(struct mutation *m)
{
	uint64_t at = any_pointer(m), value = get(m, at, 8);
	const struct segment *s = &m->segments[below(m, m->count)];
	switch (below(m, 4)) {
	case 0:
		value += 8 * (below(m, 65) - 32);
		break;
	case 1: /* to the end of what is there */
		value = s->address + s->size - below(m, 16);
		break;
	case 2:
		value = s->address + below(m, s->size);
		break;
	default: /* back to where it stands */
		for (size_t i = 0; i < m->count; i++)
			if (at >= m->segments[i].offset &&
			    at - m->segments[i].offset < m->segments[i].size)
				value = m->segments[i].address + (at - m->segments[i].offset) -
					8 * below(m, 8);
	}
	if (at && m->count)
		put(m, at, &value, 8);
}

static void stretch_length(struct mutation *m)
{
	uint64_t at = any_length(m), value = extreme(m);
	if (at)
		put(m, at, &value, below(m, 2) ? 8 : 4);
}

static void cut(struct mutation *m)
{
	size_t headers = (size_t)get(m, 56, 2) * sizeof(Elf64_Phdr) + sizeof(Elf64_Ehdr);
	if (below(m, 4) && headers < m->size)
		m->size = headers + below(m, m->size - headers);
	else
		m->size = 1 + below(m, m->size);
}

static void splice(struct mutation *m)
{
	uint64_t length = 1 + below(m, below(m, 4) ? 64 : 8192);
	uint64_t from = below(m, m->size), to = below(m, m->size);
	uint64_t room = m->size - (from > to ? from : to);
	memmove(m->data + to, m->data + from, length < room ? length : room);
}

static void change_header(struct mutation *m)
{
	static const struct {
		uint8_t at, size;
	} fields[] = {{4, 1},  {5, 1},	{16, 2}, {18, 2}, {32, 8}, {40, 8}, {52, 2},
		      {54, 2}, {56, 2}, {58, 2}, {60, 2}, {56, 1}, {32, 1}};
	uint64_t value = extreme(m), i = below(m, sizeof(fields) / sizeof(fields[0]));
	put(m, fields[i].at, &value, fields[i].size);
}

static void change_segment(struct mutation *m)
{
	static const uint8_t fields[] = {0, 4, 8, 16, 32, 40, 48};
	if (!m->count)
		return;
	const struct segment *a = &m->segments[below(m, m->count)];
	const struct segment *b = &m->segments[below(m, m->count)];
	uint64_t field = fields[below(m, sizeof(fields))];
	size_t size = field < 8 ? 4 : 8;
	uint64_t value = get(m, a->header + field, size);
	switch (below(m, 4)) {
	case 0:
		value = extreme(m);
		break;
	case 1:
		value = get(m, b->header + field, size);
		break;
	case 2:
		value += extreme(m);
		break;
	default:
		value = field < 8 ? below(m, 8) : value + 8 * (below(m, 33) - 16);
	}
	put(m, a->header + field, &value, size);
}

/* A word of a note: a length, its type, or what it holds. */
static void change_note(struct mutation *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct segment *s = &m->segments[i];
		if (s->type != PT_NOTE || s->size < 16)
			continue;
		uint64_t at = s->offset, end = s->offset + s->size;
		for (uint64_t skip = below(m, 8); skip; skip--) {
			uint64_t step = 12 + ((get(m, at, 4) + 3) & ~3ull) +
					((get(m, at + 4, 4) + 3) & ~3ull);
			if (step > end - at)
				break;
			at += step;
		}
		uint64_t value = extreme(m);
		uint64_t where = below(m, 2) ? 4 * below(m, 3) : 4 * below(m, 512);
		put(m, at + where, &value, below(m, 2) ? 8 : 4);
		return;
	}
}

static void (*const kinds[])(struct mutation *m) = {
	flip_bits,	flip_bits,	overwrite,	overwrite,
	swap_pointers,	swap_pointers,	swap_pointers,	move_pointer,
	move_pointer,	stretch_length, stretch_length, splice,
	change_segment, change_note,	change_header,	cut,
};

size_t core_mutate(uint8_t *data, size_t size, uint64_t seed)
{
	static struct mutation m;
	m = (struct mutation){.data = data, .size = size, .state = seed};
	uint64_t rounds = 1 + below(&m, below(&m, 3) ? 4 : 40);
	for (; rounds && m.size > 16; rounds--) {
		/* Those that end most of what follows are rare among many. */
		size_t most = sizeof(kinds) / sizeof(kinds[0]) - (rounds > 4 ? 2 : 0);
		find_segments(&m);
		kinds[below(&m, most)](&m);
	}
	return m.size;
}
