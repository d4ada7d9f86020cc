/*
 * A growable byte buffer, always NUL-terminated behind its end, for building text and copying
 * memory.
 *
 * An allocation that fails is remembered (`failed`) and the buffer stays as it was, so that a run
 * of appends is checked once at its end.  Nothing here prints or truncates silently.
 */
#ifndef PW_BASE_BUFFER_H
#define PW_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pw_buffer {
	char *data; /* NULL until the first append; owned */
	size_t length;
	size_t capacity;
	bool failed;
};

static inline void pw_buffer_init(struct pw_buffer *b)
{
	*b = (struct pw_buffer){0};
}
void pw_buffer_deinit(struct pw_buffer *b);
/* Room for `more` bytes behind the end; returns where they go, or NULL when out of memory. */
char *pw_buffer_reserve(struct pw_buffer *b, size_t more);
void pw_buffer_append(struct pw_buffer *b, const void *data, size_t length);
/* Inline: most of a dump is made of pieces whose length the compiler knows. */
static inline void pw_buffer_append_string(struct pw_buffer *b, const char *s)
{
	pw_buffer_append(b, s, strlen(s));
}
static inline void pw_buffer_append_char(struct pw_buffer *b, char c)
{
	if (b->length + 1 < b->capacity) {
		b->data[b->length++] = c;
		b->data[b->length] = 0;
	} else
		pw_buffer_append(b, &c, 1);
}
/* Decimal, at least `width` characters, blanks behind it; printf("%-*llu") costs ten times as much.
 */
void pw_buffer_append_number(struct pw_buffer *b, uint64_t number, unsigned width);
/* "0x" and at least `digits` hexadecimal digits. */
void pw_buffer_append_hex(struct pw_buffer *b, uint64_t number, unsigned digits);
void pw_buffer_printf(struct pw_buffer *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Takes the text out (owned by the caller, never NULL unless `failed`); the buffer is empty
 * afterwards. */
char *pw_buffer_steal(struct pw_buffer *b);

#define pw_auto_buffer __attribute__((cleanup(pw_buffer_deinit)))

#endif
