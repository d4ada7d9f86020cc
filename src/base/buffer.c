#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pw_buffer_deinit(struct pw_buffer *b)
{
	free(b->data);
	*b = (struct pw_buffer){0};
}

char *pw_buffer_reserve(struct pw_buffer *b, size_t more)
{
	if (more > SIZE_MAX / 2 - b->length - 1) {
		b->failed = true;
		return NULL;
	}
	size_t need = b->length + more + 1;
	if (need > b->capacity) {
		size_t capacity = b->capacity ? b->capacity : 64;
		while (capacity < need)
			capacity *= 2;
		char *data = realloc(b->data, capacity);
		if (!data) {
			b->failed = true;
			return NULL;
		}
		b->data = data;
		b->capacity = capacity;
	}
	return b->data + b->length;
}

void pw_buffer_append(struct pw_buffer *b, const void *data, size_t length)
{
	char *to = pw_buffer_reserve(b, length);
	if (!to)
		return;
	if (length)
		memcpy(to, data, length);
	b->length += length;
	b->data[b->length] = 0;
}

void pw_buffer_append_number(struct pw_buffer *b, uint64_t number, unsigned width)
{
	char digits[20];
	size_t count = 0;
	do
		digits[sizeof(digits) - ++count] = (char)('0' + number % 10);
	while (number /= 10);
	pw_buffer_append(b, digits + sizeof(digits) - count, count);
	for (; count < width; count++)
		pw_buffer_append_char(b, ' ');
}

void pw_buffer_append_hex(struct pw_buffer *b, uint64_t number, unsigned digits)
{
	char text[2 + 16];
	size_t count = 0;
	do
		text[sizeof(text) - ++count] = "0123456789abcdef"[number & 15];
	while ((number >>= 4) || (count < digits && count < 16));
	text[sizeof(text) - ++count] = 'x';
	text[sizeof(text) - ++count] = '0';
	pw_buffer_append(b, text + sizeof(text) - count, count);
}

void pw_buffer_printf(struct pw_buffer *b, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int length = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	char *to = length < 0 ? NULL : pw_buffer_reserve(b, (size_t)length);
	if (!to) {
		b->failed = true;
		return;
	}
	va_start(ap, format);
	vsnprintf(to, (size_t)length + 1, format, ap);
	va_end(ap);
	b->length += (size_t)length;
}

char *pw_buffer_steal(struct pw_buffer *b)
{
	if (!b->failed)
		pw_buffer_append(b, "", 0);
	char *data = b->failed ? NULL : b->data;
	if (b->failed)
		free(b->data);
	*b = (struct pw_buffer){0};
	return data;
}
