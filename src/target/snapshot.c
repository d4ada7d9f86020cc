/*
 * The bytes of one moment: pages that were read once are read again from their copy.
 *
 * Only pages that could be read whole are kept; a read that touches another goes to the target
 * exactly as it was asked for.  What is kept is bounded: behind the bound reads go to the target.
 */
#include "target/internal.h"

#include <string.h>
#include <sys/mman.h>

enum {
	MAX_RUN = 64,	     /* pages fetched at once */
	MAX_PAGES = 1 << 16, /* kept at most */
	FIRST_SLOTS = 256,
	BLOCK_PAGES = 64,
	KEPT_PAGES = 1024, /* for the next snapshot */
};

/* Room for copies of pages: a mapping of its own. */
struct block {
	struct block *next;
	size_t used, capacity; /* pages */
	uint8_t *bytes;
};

struct slot {
	uint64_t number; /* of the page, address / PW_PAGE */
	uint8_t *bytes;	 /* NULL: the slot is free */
	bool read;	 /* by others than who copied it */
};

/* What somebody else copied, to the byte. */
struct supplied {
	uint64_t address, end;
	uint64_t reach; /* the furthest end up to here, in order of address */
	const uint8_t *bytes;
};

struct pw_snapshot {
	struct supplied *supplied; /* by address; owned */
	size_t supplied_count, supplied_capacity;
	struct slot *slots; /* open addressing, a power of two, at most half full */
	size_t slot_count, used;
	struct block *blocks; /* the one that is being filled first */
	bool closed;
	uint64_t last_number; /* the page that was read last: reads come in runs */
	const uint8_t *last_bytes;
};

static void block_destroy(struct block *block)
{
	munmap(block->bytes, block->capacity * PW_PAGE);
	free(block);
}

static struct block *block_create(size_t capacity)
{
	struct block *block = calloc(1, sizeof(*block));
	if (!block)
		return NULL;
	block->capacity = capacity;
	block->bytes = mmap(NULL, capacity * PW_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block->bytes == MAP_FAILED) {
		free(block);
		return NULL;
	}
#ifdef MADV_POPULATE_WRITE
	/* All of it will be written to, and a fault for each page would cost more than its copy.
	 * Kernels before 5.14 refuse, and fault. */
	madvise(block->bytes, capacity * PW_PAGE, MADV_POPULATE_WRITE);
#endif
	return block;
}

static void destroy(struct pw_snapshot *snapshot)
{
	for (struct block *block = snapshot->blocks, *next; block; block = next) {
		next = block->next;
		block_destroy(block);
	}
	free(snapshot->slots);
	free(snapshot->supplied);
	free(snapshot);
}

static struct pw_snapshot *create(void)
{
	struct pw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return NULL;
	snapshot->slots = calloc(FIRST_SLOTS, sizeof(struct slot));
	if (!snapshot->slots) {
		free(snapshot);
		return NULL;
	}
	snapshot->slot_count = FIRST_SLOTS;
	return snapshot;
}

/* Empty, but for memory that the next one will want as well: a fresh page costs more than a copy.
 */
static struct pw_snapshot *emptied(struct pw_snapshot *snapshot)
{
	size_t kept = 0;
	struct block **end = &snapshot->blocks;
	while (*end) {
		struct block *block = *end;
		if (kept + block->capacity > KEPT_PAGES) {
			*end = block->next;
			block_destroy(block);
			continue;
		}
		kept += block->capacity;
		block->used = 0;
		end = &block->next;
	}
	memset(snapshot->slots, 0, FIRST_SLOTS * sizeof(struct slot));
	*snapshot = (struct pw_snapshot){.slots = snapshot->slots,
					 .slot_count = FIRST_SLOTS,
					 .blocks = snapshot->blocks,
					 .supplied = snapshot->supplied,
					 .supplied_capacity = snapshot->supplied_capacity};
	return snapshot;
}

struct pw_error *pw_snapshot_begin(struct pw_target *target)
{
	/* A core does not change, and its bytes are mapped already. */
	if (!strcmp(target->ops->kind, "core"))
		return NULL;
	pw_snapshot_end(target);
	if (target->ops->keep) {
		target->ops->keep(target, true);
		return NULL;
	}
	struct pw_snapshot *snapshot = target->snapshot_spare ? target->snapshot_spare : create();
	if (!snapshot)
		return &pw_error_nomem;
	target->snapshot_spare = NULL;
	target->snapshot = snapshot;
	return NULL;
}

void pw_snapshot_end(struct pw_target *target)
{
	if (target->snapshot)
		target->snapshot_spare = emptied(target->snapshot);
	target->snapshot = NULL;
	if (target->ops->keep)
		target->ops->keep(target, false);
}

void pw_snapshot_destroy(struct pw_target *target)
{
	pw_snapshot_end(target);
	if (target->snapshot_spare)
		destroy(target->snapshot_spare);
	target->snapshot_spare = NULL;
}

static int compare_supplied(const void *a, const void *b)
{
	const struct supplied *x = a, *y = b;
	return x->address < y->address ? -1 : x->address > y->address;
}

struct pw_error *pw_snapshot_supply(struct pw_target *target, const struct pw_piece *pieces,
				    size_t count)
{
	struct pw_snapshot *snapshot = target->snapshot;
	uint64_t reach = 0;
	if (!snapshot)
		return NULL;
	if (count > snapshot->supplied_capacity) {
		struct supplied *more = realloc(snapshot->supplied, 2 * count * sizeof(*more));
		if (!more)
			return &pw_error_nomem;
		snapshot->supplied = more;
		snapshot->supplied_capacity = 2 * count;
	}
	for (size_t i = 0; i < count; i++)
		snapshot->supplied[i] = (struct supplied){
			pieces[i].address, pieces[i].address + pieces[i].done, 0, pieces[i].buffer};
	if (count)
		qsort(snapshot->supplied, count, sizeof(*snapshot->supplied), compare_supplied);
	for (size_t i = 0; i < count; i++) {
		if (snapshot->supplied[i].end > reach)
			reach = snapshot->supplied[i].end;
		snapshot->supplied[i].reach = reach;
	}
	snapshot->supplied_count = count;
	return NULL;
}

/* The bytes from `address` on that were supplied in one piece, and how many; NULL: none. */
static const uint8_t *find_supplied(const struct pw_snapshot *snapshot, uint64_t address,
				    size_t *ret_length)
{
	size_t low = 0, high = snapshot->supplied_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (snapshot->supplied[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	while (low-- > 0 && snapshot->supplied[low].reach > address) {
		const struct supplied *found = &snapshot->supplied[low];
		if (found->end <= address)
			continue;
		*ret_length = (size_t)(found->end - address);
		return found->bytes + (address - found->address);
	}
	return NULL;
}

/* Room for `count` pages in a row, or NULL.  It is in the first block then. */
static uint8_t *take_pages(struct pw_snapshot *snapshot, size_t count)
{
	struct block **from = &snapshot->blocks;
	while (*from && (*from)->capacity - (*from)->used < count)
		from = &(*from)->next;
	struct block *block = *from;
	if (block)
		*from = block->next;
	else
		block = block_create(count > BLOCK_PAGES ? count : BLOCK_PAGES);
	if (!block)
		return NULL;
	block->next = snapshot->blocks;
	snapshot->blocks = block;
	uint8_t *pages = block->bytes + block->used * PW_PAGE;
	block->used += count;
	return pages;
}

/* The last `count` pages that were taken, back again. */
static void give_back(struct pw_snapshot *snapshot, size_t count)
{
	snapshot->blocks->used -= count;
}

/* The slot of a page, or the free one where it belongs. */
static struct slot *find(const struct pw_snapshot *snapshot, uint64_t number)
{
	/* Fibonacci hashing: neighbours spread. */
	size_t i = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	for (;; i++) {
		struct slot *slot = &snapshot->slots[i & (snapshot->slot_count - 1)];
		if (!slot->bytes || slot->number == number)
			return slot;
	}
}

static const uint8_t *cached(const struct pw_snapshot *snapshot, uint64_t number)
{
	return find(snapshot, number)->bytes;
}

static bool grow(struct pw_snapshot *snapshot)
{
	struct slot *old = snapshot->slots;
	size_t old_count = snapshot->slot_count;
	struct slot *slots = calloc(old_count * 2, sizeof(*slots));
	if (!slots)
		return false;
	snapshot->slots = slots;
	snapshot->slot_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++)
		if (old[i].bytes)
			*find(snapshot, old[i].number) = old[i];
	free(old);
	return true;
}

/*
 * Fetches up to `count` pages from page `number` on and keeps those that came whole.  *ret_kept is
 * how many did; 0 also when there is no memory to keep them.
 */
static struct pw_error *fetch(struct pw_target *target, uint64_t number, size_t count,
			      size_t *ret_kept)
{
	struct pw_snapshot *snapshot = target->snapshot;
	*ret_kept = 0;
	while ((snapshot->used + count) * 2 > snapshot->slot_count)
		if (!grow(snapshot))
			return NULL;
	uint8_t *bytes = take_pages(snapshot, count);
	if (!bytes)
		return NULL;
	size_t done = 0;
	enum pw_supplier supplier;
	struct pw_error *error = target->ops->read(target, number * PW_PAGE, bytes, count * PW_PAGE,
						   &done, &supplier);
	size_t whole = error ? 0 : done / PW_PAGE;
	give_back(snapshot, count - whole);
	for (size_t i = 0; i < whole; i++)
		*find(snapshot, number + i) = (struct slot){number + i, bytes + i * PW_PAGE, false};
	snapshot->used += whole;
	*ret_kept = whole;
	return error;
}

void pw_snapshot_close(struct pw_target *target, bool closed)
{
	if (target->snapshot)
		target->snapshot->closed = closed;
}

size_t pw_snapshot_page_count(const struct pw_target *target)
{
	return target->snapshot ? target->snapshot->used : 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

uint64_t *pw_snapshot_pages(const struct pw_target *target, bool read, size_t *ret_count)
{
	const struct pw_snapshot *snapshot = target->snapshot;
	*ret_count = 0;
	uint64_t *pages =
		snapshot && snapshot->used ? malloc(snapshot->used * sizeof(*pages)) : NULL;
	if (!pages)
		return NULL;
	for (size_t i = 0; i < snapshot->slot_count; i++)
		if (snapshot->slots[i].bytes && (snapshot->slots[i].read || !read))
			pages[(*ret_count)++] = snapshot->slots[i].number * PW_PAGE;
	qsort(pages, *ret_count, sizeof(*pages), compare_numbers);
	return pages;
}

/* Pieces of neighbouring pages, into one run of copies. */
static size_t make_pieces(const struct pw_snapshot *snapshot, const uint64_t *pages, size_t count,
			  uint8_t *bytes, struct pw_piece *pieces)
{
	size_t made = 0;
	for (size_t i = 0; i < count; i++) {
		struct pw_piece *last = made ? &pieces[made - 1] : NULL;
		if (cached(snapshot, pages[i] / PW_PAGE))
			continue;
		if (last && last->address + last->length == pages[i])
			last->length += PW_PAGE;
		else
			pieces[made++] = (struct pw_piece){pages[i], bytes, PW_PAGE, 0};
		bytes += PW_PAGE;
	}
	return made;
}

void pw_snapshot_prefetch(struct pw_target *target, const uint64_t *pages, size_t count)
{
	struct pw_snapshot *snapshot = target->snapshot;
	if (!snapshot || !target->ops->read_pieces || !count || count > MAX_PAGES - snapshot->used)
		return;
	while ((snapshot->used + count) * 2 > snapshot->slot_count)
		if (!grow(snapshot))
			return;
	struct pw_piece *pieces = malloc(count * sizeof(*pieces));
	uint8_t *bytes = pieces ? take_pages(snapshot, count) : NULL;
	size_t made = bytes ? make_pieces(snapshot, pages, count, bytes, pieces) : 0;
	if (made)
		pw_error_destroy(target->ops->read_pieces(target, pieces, made));
	for (size_t i = 0; i < made; i++) {
		for (size_t at = 0; at + PW_PAGE <= pieces[i].done; at += PW_PAGE) {
			uint64_t number = (pieces[i].address + at) / PW_PAGE;
			*find(snapshot, number) =
				(struct slot){number, (uint8_t *)pieces[i].buffer + at, false};
			snapshot->used++;
		}
	}
	free(pieces);
}

/* What is not copied yet and may have changed since. */
static bool is_stale(const struct pw_target *target, uint64_t address)
{
	const struct pw_mapping *mapping = pw_target_mapping(target, address);
	return target->snapshot->closed && (!mapping || mapping->writable || !mapping->path);
}

/* How many pages to fetch at page `number`, of which `wanted` are asked for: absent ones, in a row.
 */
static size_t run_length(const struct pw_target *target, uint64_t number, size_t wanted)
{
	const struct pw_snapshot *snapshot = target->snapshot;
	size_t want = wanted < MAX_RUN ? wanted : MAX_RUN;
	size_t count = 1;
	while (count < want && !cached(snapshot, number + count))
		count++;
	return count;
}

/*
 * Lists and stacks are walked page by page, upwards or downwards: a page next to one that is there
 * is fetched with what will follow it.  Where from, and how many; 0: nothing but what is asked for.
 */
static size_t ahead(const struct pw_target *target, uint64_t *number)
{
	enum { AHEAD = 8 };
	const struct pw_snapshot *snapshot = target->snapshot;
	bool below = cached(snapshot, *number - 1), above = cached(snapshot, *number + 1);
	size_t count = 1;
	/* A call costs more than the pages only where the kernel copies them; and closed ones are
	 * read to the byte. */
	if (!target->ops->stop || snapshot->closed || below == above || *number < AHEAD)
		return 0;
	while (count < AHEAD && !cached(snapshot, below ? *number + count : *number - count))
		count++;
	if (above)
		*number -= count - 1;
	return count;
}

static struct pw_error *fetch_run(struct pw_target *target, uint64_t number, size_t wanted,
				  size_t *ret_kept)
{
	uint64_t first = number;
	size_t count = wanted == 1 ? ahead(target, &first) : 0;
	struct pw_error *error = NULL;
	if (count)
		error = fetch(target, first, count, ret_kept);
	if (error || (count && first + *ret_kept > number))
		return error;
	count = run_length(target, number, wanted);
	error = fetch(target, number, count, ret_kept);
	if (!error && !*ret_kept && count > 1)
		error = fetch(target, number, 1, ret_kept);
	return error;
}

struct pw_error *pw_snapshot_read(struct pw_target *target, uint64_t address, void *buffer,
				  size_t length, size_t *ret_done, enum pw_supplier *ret_supplier)
{
	struct pw_snapshot *snapshot = target->snapshot;
	uint64_t last = (address + length - 1) / PW_PAGE;
	size_t done = 0;
	*ret_supplier = PW_SUPPLIER_SNAPSHOT;
	if (snapshot->last_bytes && last == snapshot->last_number && address / PW_PAGE == last &&
	    !snapshot->supplied_count) {
		memcpy(buffer, snapshot->last_bytes + address % PW_PAGE, length);
		*ret_done = length;
		return NULL;
	}
	while (done < length) {
		size_t there = 0;
		const uint8_t *supplied = snapshot->supplied_count
						  ? find_supplied(snapshot, address + done, &there)
						  : NULL;
		if (supplied) {
			there = there < length - done ? there : length - done;
			memcpy((char *)buffer + done, supplied, there);
			done += there;
			continue;
		}
		uint64_t number = (address + done) / PW_PAGE;
		size_t within = (size_t)((address + done) % PW_PAGE), kept = 0;
		size_t piece = PW_PAGE - within < length - done ? PW_PAGE - within : length - done;
		struct slot *slot = find(snapshot, number);
		const uint8_t *bytes = slot->bytes;
		struct pw_error *error = NULL;
		if (!bytes && is_stale(target, address + done)) {
			*ret_done = done;
			return NULL;
		}
		if (!bytes && snapshot->used < MAX_PAGES)
			error = fetch_run(target, number, (size_t)(last - number + 1), &kept);
		if (!bytes && kept) {
			slot = find(snapshot, number);
			bytes = slot->bytes;
		}
		if (!error && !bytes) {
			size_t exact = 0;
			error = target->ops->read(target, address + done, (char *)buffer + done,
						  piece, &exact, ret_supplier);
			*ret_done = done + (error ? 0 : exact);
			if (error || exact < piece)
				return error;
		} else if (error) {
			*ret_done = done;
			return error;
		} else {
			memcpy((char *)buffer + done, bytes + within, piece);
			slot->read = true;
			snapshot->last_number = number;
			snapshot->last_bytes = bytes;
		}
		done += piece;
	}
	*ret_done = done;
	return NULL;
}
