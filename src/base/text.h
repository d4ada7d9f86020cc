/*
 * Text from a target: hostile until it has passed through here.
 *
 * The model keeps names as valid UTF-8 without NULs: what UTF-8 can't hold is written as a
 * backslash escape in Python's notation (NUL as \x00, a lone surrogate as \udcXX).  Before text
 * reaches a terminal, control characters are escaped too.
 */
#ifndef PW_BASE_TEXT_H
#define PW_BASE_TEXT_H

#include "base/buffer.h"

/* Appends one code point; NUL, surrogates and values beyond U+10FFFF are escaped. */
void pw_text_append_codepoint(struct pw_buffer *b, uint32_t codepoint);
/* Appends `count` code points of `width` bytes each (1: Latin-1, 2: UCS-2, 4: UCS-4; host byte
 * order). A surrogate pair in UCS-2 (CPython 2.7, narrow build) becomes one code point when `utf16`
 * is set. */
void pw_text_append_units(struct pw_buffer *b, const void *units, size_t count, unsigned width,
			  bool utf16);
/* Appends bytes that claim to be UTF-8: what is not becomes \xNN (file names of CPython 2.7, comm).
 */
void pw_text_append_bytes(struct pw_buffer *b, const void *bytes, size_t length);
/* Appends model text (valid UTF-8) for a terminal: C0, DEL, C1, bidirectional overrides and line
 * separators become \xNN or \uNNNN. */
void pw_text_append_printable(struct pw_buffer *b, const char *utf8);

#endif
