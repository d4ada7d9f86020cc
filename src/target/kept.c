#include "target/kept.h"

#include "target/internal.h"

#include <string.h>

enum {
	TOTAL_MAX = 256 << 20, /* bytes kept */
	AT_ONCE = 64 * PW_PAGE,
	USED_MAX = 1 << 15,  /* ranges noted in one moment */
	KNOWN_MAX = 1 << 14, /* ranges remembered */
	AGE_MAX = 4,
	NEAR = 64, /* bytes between two ranges that become one */
};

void pw_kept_deinit(struct pw_kept *kept)
{
	for (size_t i = 0; i < kept->piece_count; i++)
		free(kept->pieces[i].bytes);
	free(kept->pieces);
	free(kept->used);
	free(kept->known);
	free(kept->windows);
	*kept = (struct pw_kept){0};
}

/* ---- what is kept ---- */

/* The index of the first piece that ends behind `address`. */
static size_t piece_index(const struct pw_kept *kept, uint64_t address)
{
	size_t low = 0, high = kept->piece_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kept->pieces[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool holds(const struct pw_kept_piece *piece, uint64_t address)
{
	return address >= piece->start && address < piece->end;
}

static const struct pw_kept_piece *find_piece(struct pw_kept *kept, uint64_t address)
{
	/* Reads come in runs. */
	if (kept->last_piece < kept->piece_count && holds(&kept->pieces[kept->last_piece], address))
		return &kept->pieces[kept->last_piece];
	size_t i = piece_index(kept, address);
	if (i == kept->piece_count || kept->pieces[i].start > address)
		return NULL;
	kept->last_piece = i;
	return &kept->pieces[i];
}

static bool insert(struct pw_kept *kept, size_t at, struct pw_kept_piece piece)
{
	if (kept->piece_count == kept->piece_room) {
		size_t room = kept->piece_room ? kept->piece_room * 2 : 64;
		struct pw_kept_piece *more = realloc(kept->pieces, room * sizeof(*more));
		if (!more)
			return false;
		kept->pieces = more;
		kept->piece_room = room;
	}
	memmove(&kept->pieces[at + 1], &kept->pieces[at],
		(kept->piece_count - at) * sizeof(kept->pieces[0]));
	kept->pieces[at] = piece;
	kept->piece_count++;
	kept->total += piece.end - piece.start;
	return true;
}

/* ---- fetching ---- */

static bool call(struct pw_kept *kept, uint64_t address, void *buffer, size_t length)
{
	bool ok = kept->read(kept->data, address, buffer, length);
	kept->statistics.calls++;
	if (ok)
		kept->statistics.fetched += length;
	else
		kept->statistics.failed++;
	return ok;
}

size_t pw_kept_read_through(struct pw_kept *kept, uint64_t address, void *buffer, size_t length)
{
	if (call(kept, address, buffer, length))
		return length;
	/* All or nothing: what comes before the first bad page is found page by page. */
	size_t done = 0;
	while (done < length) {
		size_t piece = PW_PAGE - (size_t)((address + done) % PW_PAGE);
		if (piece >= length)
			break;
		if (piece > length - done)
			piece = length - done;
		if (!call(kept, address + done, (char *)buffer + done, piece))
			break;
		done += piece;
	}
	return done;
}

static const struct pw_kept_range *find_window(const struct pw_kept *kept, uint64_t address)
{
	size_t low = 0, high = kept->window_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kept->windows[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < kept->window_count && kept->windows[low].start <= address ? &kept->windows[low]
									       : NULL;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What to fetch for `wanted` bytes at `address`, nothing of which is kept. */
static struct pw_kept_range plan(const struct pw_kept *kept, const struct pw_target *target,
				 uint64_t address, size_t wanted)
{
	const struct pw_kept_range *window = find_window(kept, address);
	uint64_t whole = kept->unit / PW_PAGE * PW_PAGE;
	uint64_t first = pw_page_down(address);
	struct pw_kept_range range = {.start = first, .end = first + higher(whole, PW_PAGE)};
	if (window)
		range = *window;
	if (wanted > range.end - address)
		range.end = higher(range.end, pw_page_up(address + lower(wanted, AT_ONCE)));
	const struct pw_mapping *mapping = pw_target_mapping(target, address);
	if (mapping) {
		range.start = higher(range.start, mapping->start);
		range.end = lower(range.end, mapping->end);
	} else {
		range.start = first;
		range.end = first + PW_PAGE;
	}
	return range;
}

/* Cuts off what is kept already.  *ret_index is where a piece of it belongs. */
static void cut(const struct pw_kept *kept, uint64_t address, struct pw_kept_range *range,
		size_t *ret_index)
{
	size_t i = *ret_index = piece_index(kept, address);
	if (i < kept->piece_count)
		range->end = lower(range->end, kept->pieces[i].start);
	if (i > 0)
		range->start = higher(range->start, kept->pieces[i - 1].end);
}

static bool fetch_range(struct pw_kept *kept, uint64_t address, struct pw_kept_range range)
{
	size_t index;
	cut(kept, address, &range, &index);
	size_t length = (size_t)(range.end - range.start);
	if (kept->total + length > TOTAL_MAX)
		return false;
	uint8_t *bytes = malloc(length);
	if (bytes && call(kept, range.start, bytes, length) &&
	    insert(kept, index, (struct pw_kept_piece){range.start, range.end, bytes}))
		return true;
	free(bytes);
	return false;
}

/* Fetches what is around `address`; false when only an exact read may help. */
static bool fetch(struct pw_kept *kept, const struct pw_target *target, uint64_t address,
		  size_t wanted)
{
	struct pw_kept_range range = plan(kept, target, address, wanted);
	if (fetch_range(kept, address, range))
		return true;
	uint64_t first = pw_page_down(address);
	struct pw_kept_range page = {.start = first, .end = first + PW_PAGE};
	return (page.start != range.start || page.end != range.end) &&
	       fetch_range(kept, address, page);
}

/* ---- the places ---- */

static int compare_ranges(const void *a, const void *b)
{
	const struct pw_kept_range *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts, and joins what overlaps or almost does; the younger age wins. */
static size_t tidy(struct pw_kept_range *ranges, size_t count)
{
	size_t kept = 0;
	if (!ranges)
		return 0;
	if (count)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 0; i < count; i++) {
		struct pw_kept_range *last = kept ? &ranges[kept - 1] : NULL;
		if (last && ranges[i].start <= last->end + NEAR) {
			last->end = higher(last->end, ranges[i].end);
			last->age = (unsigned)lower(last->age, ranges[i].age);
		} else {
			ranges[kept++] = ranges[i];
		}
	}
	return kept;
}

static void note(struct pw_kept *kept, uint64_t address, size_t length)
{
	struct pw_kept_range *last = kept->used_count ? &kept->used[kept->used_count - 1] : NULL;
	/* No program has memory there. */
	if (address >= INT64_MAX || length >= INT64_MAX / 2)
		return;
	if (last && address >= last->start && address <= last->end + NEAR) {
		last->end = higher(last->end, address + length);
		return;
	}
	if (kept->used_count == USED_MAX) {
		kept->used_count = tidy(kept->used, kept->used_count);
		/* Whoever reads as widely as this gains nothing by it. */
		if (kept->used_count > USED_MAX / 2)
			return;
	}
	if (!kept->used || kept->used_count == kept->used_room) {
		size_t room = kept->used_room ? kept->used_room * 2 : 256;
		struct pw_kept_range *more = realloc(kept->used, room * sizeof(*more));
		if (!more)
			return;
		kept->used = more;
		kept->used_room = room;
	}
	kept->used[kept->used_count++] =
		(struct pw_kept_range){.start = address, .end = address + length};
}

/* Puts what was used in this moment to what is known of others. */
static bool learn(struct pw_kept *kept)
{
	kept->used_count = tidy(kept->used, kept->used_count);
	size_t count = kept->used_count;
	struct pw_kept_range *all = malloc((count + kept->known_count) * sizeof(*all));
	if (!all)
		return false;
	memcpy(all, kept->used, count * sizeof(*all));
	for (size_t i = 0; i < kept->known_count && kept->used_count < KNOWN_MAX; i++) {
		all[count] = kept->known[i];
		count += ++all[count].age <= AGE_MAX;
	}
	free(kept->known);
	kept->known = all;
	count = tidy(all, count);
	kept->known_count = count < KNOWN_MAX ? count : KNOWN_MAX;
	return true;
}

/* What is known, in as few pieces of at most `unit` bytes as it takes. */
static void make_windows(struct pw_kept *kept)
{
	size_t room = 0;
	for (size_t i = 0; i < kept->known_count; i++)
		room += (size_t)((kept->known[i].end - kept->known[i].start) / kept->unit) + 1;
	free(kept->windows);
	kept->window_count = 0;
	kept->windows = malloc(room * sizeof(*kept->windows));
	if (!kept->windows)
		return;
	uint64_t end = 0; /* of the newest window, were it filled up */
	for (size_t i = 0; i < kept->known_count; i++) {
		uint64_t at = kept->known[i].start, stop = kept->known[i].end;
		while (at < stop) {
			if (!kept->window_count || at >= end) {
				kept->windows[kept->window_count++] =
					(struct pw_kept_range){.start = at};
				end = at + kept->unit;
			}
			struct pw_kept_range *window = &kept->windows[kept->window_count - 1];
			at = window->end = lower(stop, end);
		}
	}
}

/* Code and constants of files: of debuggers' breakpoints in them, the debugger shows nothing. */
static bool never_changes(const struct pw_target *target, const struct pw_kept_piece *piece)
{
	const struct pw_mapping *mapping = pw_target_mapping(target, piece->start);
	return mapping && !mapping->writable && mapping->path && piece->end <= mapping->end;
}

void pw_kept_forget(struct pw_kept *kept, const struct pw_target *target)
{
	size_t left = 0;
	kept->total = 0;
	for (size_t i = 0; i < kept->piece_count; i++) {
		struct pw_kept_piece *piece = &kept->pieces[i];
		if (never_changes(target, piece)) {
			kept->total += piece->end - piece->start;
			kept->pieces[left++] = *piece;
		} else {
			free(piece->bytes);
		}
	}
	kept->piece_count = left;
	kept->last_piece = 0;
	if (kept->used_count && learn(kept))
		make_windows(kept);
	kept->used_count = 0;
}

/* ---- reading ---- */

size_t pw_kept_read(struct pw_kept *kept, const struct pw_target *target, uint64_t address,
		    void *buffer, size_t length)
{
	size_t done = 0;
	uint64_t calls = kept->statistics.calls;
	kept->statistics.reads++;
	kept->statistics.bytes += length;
	note(kept, address, length);
	while (done < length) {
		const struct pw_kept_piece *piece = find_piece(kept, address + done);
		if (!piece) {
			if (fetch(kept, target, address + done, length - done))
				continue;
			done += pw_kept_read_through(kept, address + done, (char *)buffer + done,
						     length - done);
			break;
		}
		uint64_t more = lower(piece->end - (address + done), length - done);
		memcpy((char *)buffer + done, piece->bytes + (address + done - piece->start),
		       (size_t)more);
		done += (size_t)more;
	}
	if (kept->statistics.calls == calls)
		kept->statistics.kept++;
	return done;
}
