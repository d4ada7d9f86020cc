/*
 * Code objects that were decoded before.  An address tells nothing: it may belong to another one by
 * now.  What is compared is what the code object consists of, as it was copied together with the
 * frames: the objects that it points to, its lines, and the length and hash of its name, because a
 * new one is readily made of the same pieces of memory as one that was freed.
 */
#ifndef PW_STACK_CODES_H
#define PW_STACK_CODES_H

#include "stack/model.h"

struct pw_codes;

struct pw_codes *pw_codes_create(void);	       /* NULL: out of memory */
void pw_codes_destroy(struct pw_codes *codes); /* takes NULL */
/* Between dumps: forgets everything when it has become much. */
void pw_codes_tidy(struct pw_codes *codes);

/* Reads what is compared of a code object that is kept, and of another one what pw_code_load() will
 * need: so that the bytes are in the snapshot. */
void pw_codes_touch(struct pw_codes *codes, struct pw_python *python, uint64_t address);

/*
 * Decodes entry->code, or takes it from what is kept; the entry is then valid as long as that, up
 * to the next pw_codes_tidy().  `moment`: only the code object itself was copied with its frames.
 * Of such a one, and of one that is not what was kept, the rest is read from the target now; when
 * it is not the same code object any more, entry->code.error says so.
 */
void pw_codes_load(struct pw_codes *codes, struct pw_python *python, bool moment,
		   struct pw_code_entry *entry);
/* As it was before it was decoded. */
void pw_code_entry_reset(struct pw_code_entry *entry);
void pw_code_entry_destroy(struct pw_code_entry *entry);

#endif
