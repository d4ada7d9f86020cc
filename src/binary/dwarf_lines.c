#include "binary/dwarf_lines.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_MAX = 1 << 22,
	FILE_MAX = 0x7fffffff, /* as many as a row has room for */
};

/* ---- the bytes ---- */

struct reader {
	const uint8_t *at, *end;
	bool bad; /* something was not there: what follows means nothing */
};

static bool has(struct reader *r, uint64_t length)
{
	r->bad |= length > (uint64_t)(r->end - r->at);
	return !r->bad;
}

/* A little-endian number of 1 to 8 bytes. */
static uint64_t number(struct reader *r, size_t length)
{
	uint64_t value = 0;

	if (!has(r, length))
		return 0;
	for (size_t i = 0; i < length; i++)
		value |= (uint64_t)r->at[i] << (8 * i);
	r->at += length;
	return value;
}

static uint64_t leb128(struct reader *r, bool is_signed)
{
	uint64_t value = 0;

	/* Most are of one byte. */
	if (r->at < r->end && !r->bad && *r->at < 0x40)
		return *r->at++;
	for (unsigned shift = 0; has(r, 1); shift += 7) {
		uint8_t byte = *r->at++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && (byte & 0x40) && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		break;
	}
	return value;
}

static void skip(struct reader *r, uint64_t length)
{
	if (has(r, length))
		r->at += length;
}

static const char *string(struct reader *r)
{
	const uint8_t *zero = memchr(r->at, 0, (size_t)(r->end - r->at));
	const char *text = (const char *)r->at;

	r->bad |= !zero;
	if (r->bad)
		return "";
	r->at = zero + 1;
	return text;
}

static const char *string_at(struct reader *r, struct pw_dwarf_bytes section, uint64_t offset)
{
	struct reader there = {.bad = offset >= section.size};

	if (!there.bad) {
		there.at = section.at + offset;
		there.end = section.at + section.size;
	}
	const char *text = there.bad ? "" : string(&there);
	r->bad |= there.bad;
	return text;
}

/* ---- lists ---- */

/* Room for one more of `size` bytes; NULL: out of memory. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t wanted = *capacity ? *capacity * 2 : 32;
	void *more = realloc(items, wanted * size);
	if (more)
		*capacity = wanted;
	return more;
}

static void add_folder(struct pw_dwarf_lines *t, struct reader *r, const char *name)
{
	const char **folders =
		grow(t->folders, t->folder_count, &t->folder_capacity, sizeof(*folders));

	r->bad |= !folders;
	if (folders) /* also when `name` is bad: what was there has moved */
		t->folders = folders;
	if (!r->bad)
		folders[t->folder_count++] = name;
}

static void add_file(struct pw_dwarf_lines *t, struct reader *r, const char *name, uint64_t folder)
{
	struct pw_dwarf_file *files =
		grow(t->files, t->file_count, &t->file_capacity, sizeof(*files));

	r->bad |= !files || t->file_count == FILE_MAX;
	if (files)
		t->files = files;
	if (!r->bad)
		files[t->file_count++] = (struct pw_dwarf_file){name, folder, NULL};
}

static void add_row(struct pw_dwarf_lines *t, struct reader *r, const struct pw_dwarf_line *row)
{
	if (t->row_count == t->row_capacity) {
		struct pw_dwarf_line *rows =
			grow(t->rows, t->row_count, &t->row_capacity, sizeof(*rows));
		r->bad |= !rows || t->row_count >= ROWS_MAX;
		if (rows)
			t->rows = rows;
		if (r->bad)
			return;
	}
	t->rows[t->row_count++] = *row;
}

/* The rows from `first` on, which end before `high`. */
static void add_sequence(struct pw_dwarf_lines *t, struct reader *r, size_t first, uint64_t high)
{
	size_t count = t->row_count - first;

	if (!count || t->rows[first].address >= high) {
		t->row_count = first;
		return;
	}
	struct pw_dwarf_sequence *sequences =
		grow(t->sequences, t->sequence_count, &t->sequence_capacity, sizeof(*sequences));
	r->bad |= !sequences;
	if (!sequences)
		return;
	t->sequences = sequences;
	sequences[t->sequence_count++] = (struct pw_dwarf_sequence){
		.low = t->rows[first].address, .high = high, .first = first, .count = count};
}

/* ---- the header ---- */

struct header {
	size_t offset_size;
	unsigned unit; /* bytes of the shortest instruction */
	bool statement;
	int base;
	unsigned range, opcode_base;
	const uint8_t *lengths; /* of the operands of standard operations, from operation 1 on */
};

/* Directories and files before DWARF 5. */
static void read_names(struct pw_dwarf_lines *t, struct reader *r, const char *folder)
{
	add_folder(t, r, folder);
	for (const char *name; !r->bad && *(name = string(r));)
		add_folder(t, r, name);
	for (const char *name; !r->bad && *(name = string(r));) {
		uint64_t of = leb128(r, false);
		leb128(r, false); /* when it was changed */
		leb128(r, false); /* its length */
		add_file(t, r, name, of);
	}
}

struct value {
	const char *text; /* NULL: a number */
	uint64_t number;
};

static struct value read_form(struct reader *r, uint64_t form, size_t offset_size,
			      const struct pw_dwarf_line_sections *sections)
{
	struct value value = {0};

	switch (form) {
	case DW_FORM_string:
		value.text = string(r);
		break;
	case DW_FORM_line_strp:
		value.text = string_at(r, sections->line_strings, number(r, offset_size));
		break;
	case DW_FORM_strp:
		value.text = string_at(r, sections->strings, number(r, offset_size));
		break;
	case DW_FORM_udata:
		value.number = leb128(r, false);
		break;
	case DW_FORM_data1:
		value.number = number(r, 1);
		break;
	case DW_FORM_data2:
		value.number = number(r, 2);
		break;
	case DW_FORM_data4:
		value.number = number(r, 4);
		break;
	case DW_FORM_data8:
		value.number = number(r, 8);
		break;
	case DW_FORM_data16: /* a checksum */
		skip(r, 16);
		break;
	case DW_FORM_block:
		skip(r, leb128(r, false));
		break;
	default:
		r->bad = true;
	}
	return value;
}

/* DWARF 5: a list of entries, each of the fields that are described first. */
static void read_entries(struct pw_dwarf_lines *t, struct reader *r, size_t offset_size,
			 const struct pw_dwarf_line_sections *sections, bool files)
{
	uint64_t kinds[255], forms[255];
	size_t fields = number(r, 1);

	for (size_t i = 0; i < fields; i++) {
		kinds[i] = leb128(r, false);
		forms[i] = leb128(r, false);
	}
	uint64_t count = leb128(r, false);
	/* Entries without bytes could be any number. */
	r->bad |= count && !fields;
	for (uint64_t n = 0; n < count && !r->bad; n++) {
		const char *name = "";
		uint64_t folder = 0;
		for (size_t i = 0; i < fields; i++) {
			struct value value = read_form(r, forms[i], offset_size, sections);
			if (kinds[i] == DW_LNCT_path && value.text)
				name = value.text;
			else if (kinds[i] == DW_LNCT_directory_index)
				folder = value.number;
		}
		if (files)
			add_file(t, r, name, folder);
		else
			add_folder(t, r, name);
	}
}

/* Up to the operations, which `r` holds then and nothing else. */
static void read_header(struct pw_dwarf_lines *t, struct reader *r, struct header *h,
			const struct pw_dwarf_line_sections *sections, const char *folder)
{
	uint64_t length = number(r, 4);

	*h = (struct header){.offset_size = length == 0xffffffff ? 8 : 4};
	if (h->offset_size == 8)
		length = number(r, 8);
	if (!has(r, length))
		return;
	r->end = r->at + length;
	t->version = (unsigned)number(r, 2);
	r->bad |= t->version < 2 || t->version > 5;
	if (t->version >= 5) /* sizes of an address and of a segment's selector */
		r->bad |= number(r, 1) != 8 || number(r, 1) != 0;
	uint64_t rest = number(r, h->offset_size);
	if (!has(r, rest))
		return;
	const uint8_t *operations = r->at + rest;
	h->unit = (unsigned)number(r, 1);
	if (t->version >= 4) /* operations per instruction */
		r->bad |= number(r, 1) > 1;
	h->statement = number(r, 1);
	h->base = (int8_t)number(r, 1);
	h->range = (unsigned)number(r, 1);
	h->opcode_base = (unsigned)number(r, 1);
	h->lengths = r->at;
	r->bad |= !h->range || !h->opcode_base;
	skip(r, h->opcode_base ? h->opcode_base - 1 : 0);
	struct reader names = {r->at, operations, r->bad || r->at > operations};
	if (names.bad)
		r->bad = true;
	else if (t->version < 5)
		read_names(t, &names, folder);
	else {
		read_entries(t, &names, h->offset_size, sections, false);
		read_entries(t, &names, h->offset_size, sections, true);
	}
	r->at = operations;
}

/* ---- the operations ---- */

/* What a special operation adds: looked up, as a division for each row would take the longest of
 * all. */
struct special {
	uint8_t address; /* in shortest instructions */
	int16_t line;
};

struct machine {
	const struct header *header;
	struct pw_dwarf_line row;
	size_t first; /* row of this sequence */
	struct special special[256];
};

static void fill_special(struct machine *m)
{
	const struct header *h = m->header;
	struct special next = {0, (int16_t)h->base};
	unsigned within = 0;

	for (unsigned operation = h->opcode_base; operation < 256; operation++) {
		m->special[operation] = next;
		next.line++;
		if (++within == h->range) {
			within = 0;
			next.address++;
			next.line = (int16_t)h->base;
		}
	}
}

static void begin_sequence(struct machine *m, const struct pw_dwarf_lines *t)
{
	m->row = (struct pw_dwarf_line){.line = 1, .file = 1, .statement = m->header->statement};
	m->first = t->row_count;
}

static void append(struct machine *m, struct pw_dwarf_lines *t, struct reader *r)
{
	/* Addresses ascend; what does not is nothing to be found. */
	if (t->row_count == m->first || m->row.address >= t->rows[t->row_count - 1].address)
		add_row(t, r, &m->row);
}

static void run_extended(struct machine *m, struct pw_dwarf_lines *t, struct reader *r)
{
	uint64_t length = leb128(r, false);

	if (!length || !has(r, length))
		return;
	struct reader operands = {r->at, r->at + length, false};
	r->at += length;
	switch (number(&operands, 1)) {
	case DW_LNE_end_sequence:
		add_sequence(t, r, m->first, m->row.address);
		begin_sequence(m, t);
		break;
	case DW_LNE_set_address:
		m->row.address = number(&operands, length - 1 < 8 ? (size_t)length - 1 : 8);
		break;
	case DW_LNE_define_file: {
		const char *name = string(&operands);
		uint64_t folder = leb128(&operands, false);
		if (!operands.bad)
			add_file(t, r, name, folder);
		break;
	}
	default:
		break;
	}
}

static void run_standard(struct machine *m, struct pw_dwarf_lines *t, struct reader *r,
			 uint8_t operation)
{
	const struct header *h = m->header;

	switch (operation) {
	case DW_LNS_copy:
		append(m, t, r);
		break;
	case DW_LNS_advance_pc:
		m->row.address += leb128(r, false) * h->unit;
		break;
	case DW_LNS_advance_line:
		m->row.line += (uint32_t)leb128(r, true);
		break;
	case DW_LNS_set_file:
		m->row.file = leb128(r, false) & FILE_MAX;
		break;
	case DW_LNS_negate_stmt:
		m->row.statement = !m->row.statement;
		break;
	case DW_LNS_const_add_pc:
		m->row.address += (255 - h->opcode_base) / h->range * h->unit;
		break;
	case DW_LNS_fixed_advance_pc:
		m->row.address += number(r, 2);
		break;
	default:
		for (unsigned i = h->lengths[operation - 1]; i > 0; i--)
			leb128(r, false);
	}
}

static void run(struct pw_dwarf_lines *t, struct reader *r, const struct header *header)
{
	struct machine m;

	m.header = header;
	fill_special(&m);
	begin_sequence(&m, t);
	/* Compilers write about four bytes for a row. */
	size_t likely = (size_t)(r->end - r->at) / 4 + 1;
	struct pw_dwarf_line *rows = malloc(likely * sizeof(*rows));
	if (rows) {
		t->rows = rows;
		t->row_capacity = likely;
	}
	while (!r->bad && r->at < r->end) {
		uint8_t operation = *r->at++;
		if (operation >= header->opcode_base) {
			m.row.address += m.special[operation].address * header->unit;
			m.row.line += (uint32_t)m.special[operation].line;
			append(&m, t, r);
		} else if (operation == 0)
			run_extended(&m, t, r);
		else
			run_standard(&m, t, r, operation);
	}
	/* Rows of a sequence that does not end cover nothing. */
	t->row_count = m.first;
}

static int compare_sequences(const void *a, const void *b)
{
	const struct pw_dwarf_sequence *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->first < y->first ? -1 : 1;
}

void pw_dwarf_lines_read(struct pw_dwarf_lines *ret, const struct pw_dwarf_line_sections *sections,
			 uint64_t offset, const char *folder)
{
	struct pw_dwarf_bytes lines = sections->lines;
	struct header header;

	*ret = (struct pw_dwarf_lines){0};
	if (offset >= lines.size)
		return;
	struct reader r = {lines.at + offset, lines.at + lines.size, false};
	read_header(ret, &r, &header, sections, folder);
	if (!r.bad)
		run(ret, &r, &header);
	if (ret->sequence_count)
		qsort(ret->sequences, ret->sequence_count, sizeof(*ret->sequences),
		      compare_sequences);
	uint64_t limit = 0;
	for (size_t i = 0; i < ret->sequence_count; i++) {
		struct pw_dwarf_sequence *sequence = &ret->sequences[i];
		limit = sequence->high > limit ? sequence->high : limit;
		sequence->limit = limit;
	}
}

void pw_dwarf_lines_deinit(struct pw_dwarf_lines *table)
{
	for (size_t i = 0; i < table->file_count; i++)
		free(table->files[i].path);
	free(table->rows);
	free(table->sequences);
	free(table->folders);
	free(table->files);
	*table = (struct pw_dwarf_lines){0};
}

/* ---- answers ---- */

static const struct pw_dwarf_line *find_row(const struct pw_dwarf_line *rows, size_t count,
					    uint64_t address)
{
	const struct pw_dwarf_line *found = NULL;
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0;) {
		if (found && rows[i].address != found->address)
			break;
		/* Line 0 is code that the compiler could not tell a line of. */
		if (rows[i].line == 0)
			continue;
		if (rows[i].statement)
			return &rows[i];
		if (!found)
			found = &rows[i];
	}
	return found;
}

const struct pw_dwarf_line *pw_dwarf_lines_find(const struct pw_dwarf_lines *table,
						uint64_t address)
{
	size_t low = 0, high = table->sequence_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->sequences[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0 && table->sequences[i].limit > address;) {
		const struct pw_dwarf_sequence *sequence = &table->sequences[i];
		if (address < sequence->high)
			return find_row(table->rows + sequence->first, sequence->count, address);
	}
	return NULL;
}

const char *pw_dwarf_lines_path(struct pw_dwarf_lines *table, uint64_t number)
{
	/* Before DWARF 5 they were counted from 1. */
	uint64_t index = table->version < 5 ? number - 1 : number;

	if (index >= table->file_count)
		return NULL;
	struct pw_dwarf_file *file = &table->files[index];
	const char *folder =
		file->folder < table->folder_count ? table->folders[file->folder] : NULL;
	if (file->name[0] == '/' || !folder)
		return file->name;
	if (!file->path && asprintf(&file->path, "%s/%s", folder, file->name) < 0)
		file->path = NULL;
	return file->path;
}

/* ---- where it stands ---- */

static struct pw_dwarf_bytes bytes_of(Elf_Scn *scn, const GElf_Shdr *shdr)
{
	Elf_Data *data = shdr->sh_flags & SHF_COMPRESSED ? NULL : elf_getdata(scn, NULL);

	return data && data->d_buf ? (struct pw_dwarf_bytes){data->d_buf, data->d_size}
				   : (struct pw_dwarf_bytes){0};
}

void pw_dwarf_line_sections_find(struct pw_dwarf_line_sections *ret, Dwarf *dwarf)
{
	Elf *elf = dwarf_getelf(dwarf);
	size_t strings;

	*ret = (struct pw_dwarf_line_sections){0};
	if (elf_getshdrstrndx(elf, &strings) != 0)
		return;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr shdr;
		const char *name =
			gelf_getshdr(scn, &shdr) ? elf_strptr(elf, strings, shdr.sh_name) : NULL;
		if (!name || name[0] != '.' || shdr.sh_type == SHT_NOBITS)
			continue;
		/* GNU's older form of compressed ones has names of its own, ".zdebug_line". */
		name += name[1] == 'z' ? 2 : 1;
		if (!strcmp(name, "debug_line"))
			ret->lines = bytes_of(scn, &shdr);
		else if (!strcmp(name, "debug_line_str"))
			ret->line_strings = bytes_of(scn, &shdr);
		else if (!strcmp(name, "debug_str"))
			ret->strings = bytes_of(scn, &shdr);
	}
}
