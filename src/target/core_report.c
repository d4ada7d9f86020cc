/*
 * Crash reports of apport: "Key: value" lines, of which "CoreDump: base64" is followed by lines
 * that begin with a space.  Each line is base64 of a piece of one gzip stream, padded by itself.
 *
 * Format read from apport 2.28, problem_report.py (ProblemReport.write and load).
 */
#include "target/core_unpack.h"
#include "target/internal.h"

#include <stdio.h>
#include <string.h>

/* Reads a file by lines of which only the beginnings matter: a core's line may be gigabytes. */
struct lines {
	int fd;
	uint64_t offset; /* of the next byte to be read */
	char buffer[1 << 14];
	size_t at, length;
};

static int next_char(struct lines *lines)
{
	if (lines->at == lines->length) {
		ssize_t got = pread(lines->fd, lines->buffer, sizeof(lines->buffer),
				    (off_t)lines->offset);
		if (got <= 0)
			return EOF;
		lines->offset += (uint64_t)got;
		lines->length = (size_t)got;
		lines->at = 0;
	}
	return (unsigned char)lines->buffer[lines->at++];
}

/* The next line's beginning, without its newline; false: the end. */
static bool next_line(struct lines *lines, char *text, size_t size)
{
	size_t length = 0;
	int c;
	while ((c = next_char(lines)) != EOF && c != '\n')
		if (length + 1 < size)
			text[length++] = (char)c;
	text[length] = 0;
	return c != EOF || length;
}

bool core_report_find(int fd, uint64_t *ret_offset, char **ret_executable)
{
	static const char first[] = "ProblemType:", program[] = "ExecutablePath: ";
	/* The text in front of a core is short: a log of some megabytes at most. */
	enum { TEXT_MAX = 256 << 20 };
	struct lines lines = {.fd = fd};
	char line[PW_PAGE];
	*ret_executable = NULL;
	if (!next_line(&lines, line, sizeof(line)) || strncmp(line, first, sizeof(first) - 1))
		return false;
	while (lines.offset < TEXT_MAX && next_line(&lines, line, sizeof(line))) {
		if (!strcmp(line, "CoreDump: base64")) {
			*ret_offset = lines.offset - (lines.length - lines.at);
			return true;
		}
		if (!strncmp(line, program, sizeof(program) - 1) && !*ret_executable)
			*ret_executable = strdup(line + sizeof(program) - 1);
	}
	free(*ret_executable);
	*ret_executable = NULL;
	return false;
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What the characters since the last whole group hold. */
static size_t finish_group(struct core_report_decoder *d, uint8_t *bytes)
{
	size_t count = d->count * 6 / 8;
	uint32_t bits = d->count ? d->bits << (4 - d->count) * 6 : 0;
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
	d->bits = d->count = 0;
	return count;
}

size_t core_report_decode(struct core_report_decoder *d, const char *text, size_t length,
			  uint8_t *bytes)
{
	size_t done = 0;
	for (size_t i = 0; i < length && !d->ended; i++) {
		if (d->line_begins) {
			d->line_begins = false;
			d->ended = text[i] != ' ';
			continue;
		}
		int value = sextet(text[i]);
		if (value >= 0) {
			d->bits = d->bits << 6 | (uint32_t)value;
			if (++d->count == 4)
				done += finish_group(d, bytes + done);
			continue;
		}
		/* Padding, or the end of the line. */
		done += finish_group(d, bytes + done);
		d->line_begins = text[i] == '\n';
	}
	return done;
}
