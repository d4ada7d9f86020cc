/*
 * Memory that somebody else reads for us: what was read is kept while the target stands still, and
 * what is not there yet comes with few calls.
 *
 * A call costs much, its bytes cost little as long as one packet carries them.  A miss therefore
 * fetches as much as one packet carries; and where earlier moments read in places near each other,
 * one call fetches these places: what was read at one stop of a program is mostly read again at the
 * next.  Only places are remembered from moment to moment, never what stood there, unless it is a
 * file's that the target cannot write.
 */
#ifndef PW_TARGET_KEPT_H
#define PW_TARGET_KEPT_H

#include "target/target.h"

struct pw_kept_piece {
	uint64_t start, end;
	uint8_t *bytes; /* owned */
};

struct pw_kept_range {
	uint64_t start, end;
	unsigned age; /* moments since it was read */
};

struct pw_kept {
	bool (*read)(void *data, uint64_t address, void *buffer, size_t length);
	void *data;
	size_t unit; /* bytes that one call carries */

	struct pw_kept_piece *pieces; /* ascending, apart from each other */
	size_t piece_count, piece_room, last_piece;
	uint64_t total; /* bytes in them */

	struct pw_kept_range *used; /* in this moment, in the order of reading */
	size_t used_count, used_room;
	struct pw_kept_range *known; /* in earlier moments, ascending, apart from each other */
	size_t known_count;
	struct pw_kept_range *windows; /* what to fetch at once for `known`, ascending */
	size_t window_count;

	struct pw_read_statistics statistics;
};

/* Reads at most `length` bytes, as many as there are; returns how many. */
size_t pw_kept_read(struct pw_kept *kept, const struct pw_target *target, uint64_t address,
		    void *buffer, size_t length);
/* The same without keeping anything. */
size_t pw_kept_read_through(struct pw_kept *kept, uint64_t address, void *buffer, size_t length);
/* The moment is over: forgets all bytes that can change, remembers the places. */
void pw_kept_forget(struct pw_kept *kept, const struct pw_target *target);
void pw_kept_deinit(struct pw_kept *kept);

#endif
