#include "sample/profile.h"
#include "sample/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What numbers of the file are in the profile. */
struct numbers {
	uint32_t *items;
	size_t count, capacity;
};

struct texts {
	char **items; /* owned; number 1 first */
	size_t count, capacity;
};

struct reader {
	FILE *file;
	uint64_t offset; /* of the block in the file */
	struct pw_profile *profile;
	const uint8_t *at, *end; /* within the block */
	bool bad;		 /* a field was not there, or makes no sense */
	struct texts texts;
	struct numbers processes, threads, functions, frames, nodes;
	uint64_t time, resident;
	bool ended;
	bool cut;		/* one that it was made of was cut off */
	struct pw_error *error; /* out of memory */
};

/* ---- fields ---- */

static uint64_t get(struct reader *r)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->at == r->end)
			break;
		uint8_t byte = *r->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

static int64_t get_signed(struct reader *r)
{
	uint64_t value = get(r);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static int get_line(struct reader *r)
{
	int64_t line = get_signed(r);
	r->bad |= line < INT32_MIN || line > INT32_MAX;
	return r->bad ? 0 : (int)line;
}

static const char *get_text(struct reader *r)
{
	uint64_t number = get(r);
	r->bad |= number > r->texts.count;
	return r->bad || !number ? NULL : r->texts.items[number - 1];
}

/* What a number of the file is in the profile. */
static uint32_t get_number(struct reader *r, const struct numbers *numbers)
{
	uint64_t number = get(r);
	r->bad |= number >= numbers->count;
	return r->bad ? 0 : numbers->items[number];
}

/* ---- tables ---- */

static void *room(void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *more = realloc(items, wanted * size);
	if (more)
		*capacity = wanted;
	return more;
}

static void add_number(struct reader *r, struct numbers *numbers, uint32_t number)
{
	uint32_t *items = room(numbers->items, numbers->count, &numbers->capacity, sizeof(*items));
	if (!items) {
		r->error = &pw_error_nomem;
		return;
	}
	numbers->items = items;
	items[numbers->count++] = number;
}

static void add_text(struct reader *r)
{
	uint64_t length = get(r);
	r->bad |= length > (uint64_t)(r->end - r->at);
	/* Text has no NUL. */
	r->bad |= !r->bad && memchr(r->at, 0, (size_t)length);
	if (r->bad)
		return;
	char **items = room(r->texts.items, r->texts.count, &r->texts.capacity, sizeof(*items));
	char *text = strndup((const char *)r->at, (size_t)length);
	if (items)
		r->texts.items = items;
	if (!items || !text) {
		free(text);
		r->error = &pw_error_nomem;
		return;
	}
	items[r->texts.count++] = text;
	r->at += length;
}

/* The result of adding something: numbers that make no sense were seen before. */
static void added(struct reader *r, struct pw_error *error, struct numbers *numbers,
		  const uint32_t *number)
{
	if (error)
		r->error = error;
	else if (numbers)
		add_number(r, numbers, *number);
}

/* ---- records ---- */

static void read_process(struct reader *r)
{
	struct pw_profile_process process = {.pid = get_signed(r)};
	uint32_t number = 0;
	process.parent = get_signed(r);
	process.executable = get_text(r);
	process.python = get_text(r);
	process.command = get_text(r);
	if (!r->bad)
		added(r, pw_profile_add_process(r->profile, &process, &number), &r->processes,
		      &number);
}

static void read_thread(struct reader *r)
{
	struct pw_profile_thread thread = {.process = get_number(r, &r->processes)};
	uint32_t number = 0;
	thread.tid = get(r);
	thread.ns_tid = get(r);
	thread.name = get_text(r);
	thread.kernel_name = get_text(r);
	if (r->bad)
		return;
	size_t before = pw_profile_thread_count(r->profile);
	struct pw_error *error = pw_profile_add_thread(r->profile, &thread, &number);
	/* One that was there before has another name. */
	bool is_new = pw_profile_thread_count(r->profile) > before;
	added(r, error, is_new ? &r->threads : NULL, &number);
}

static void read_function(struct reader *r)
{
	uint64_t kind = get(r);
	struct pw_profile_function function = {.kind = (enum pw_profile_kind)kind};
	uint32_t number = 0;
	function.name = get_text(r);
	function.file = get_text(r);
	function.module = get_text(r);
	function.first_line = get_line(r);
	r->bad |= kind > PW_PROFILE_GAP;
	if (!r->bad)
		added(r, pw_profile_add_function(r->profile, &function, &number), &r->functions,
		      &number);
}

static void read_frame(struct reader *r)
{
	struct pw_profile_frame frame = {.function = get_number(r, &r->functions)};
	uint32_t number = 0;
	frame.line = get_line(r);
	if (!r->bad)
		added(r, pw_profile_add_frame(r->profile, &frame, &number), &r->frames, &number);
}

static void read_node(struct reader *r)
{
	struct pw_profile_node node = {.parent = get_number(r, &r->nodes)};
	uint32_t number = 0;
	node.frame = get_number(r, &r->frames);
	if (!r->bad)
		added(r, pw_profile_add_node(r->profile, &node, &number), &r->nodes, &number);
}

static void read_sample(struct reader *r)
{
	struct pw_profile_sample sample;
	uint64_t since = get(r);
	r->bad |= since > UINT64_MAX - r->time;
	sample.time = r->time + since;
	sample.weight = get(r);
	sample.resident = r->resident + (uint64_t)get_signed(r);
	sample.thread = get_number(r, &r->threads);
	sample.node = get_number(r, &r->nodes);
	sample.flags = (uint32_t)get(r);
	if (r->bad)
		return;
	r->time = sample.time;
	r->resident = sample.resident;
	added(r, pw_profile_add_sample(r->profile, &sample), NULL, NULL);
}

static void read_info(struct reader *r)
{
	struct pw_profile_info info = {.engine = get_text(r)};
	uint64_t *const numbers[] = {&info.start,      &info.duration,	&info.ticks,
				     &info.missed,     &info.lost,	&info.torn,
				     &info.impossible, &info.pauses,	&info.pause_median,
				     &info.pause_p99,  &info.pause_max, &info.own_cpu};
	uint64_t clock = get(r), bits = get(r);
	info.clock = (enum pw_profile_clock)clock;
	info.native = bits & PW_RECORD_NATIVE;
	info.lines = bits & PW_RECORD_LINES;
	info.memory = bits & PW_RECORD_MEMORY;
	r->cut = bits & PW_RECORD_CUT;
	info.rate_wished = (double)get(r) / 1e6;
	info.rate_reached = (double)get(r) / 1e6;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = get(r);
	r->bad |= clock > PW_CLOCK_GIL;
	if (!r->bad)
		added(r, pw_profile_set_info(r->profile, &info), NULL, NULL);
}

static void read_records(struct reader *r)
{
	while (!r->bad && !r->error && r->at < r->end) {
		switch (get(r)) {
		case PW_RECORD_END:
			r->ended = true;
			break;
		case PW_RECORD_TEXT:
			add_text(r);
			break;
		case PW_RECORD_PROCESS:
			read_process(r);
			break;
		case PW_RECORD_THREAD:
			read_thread(r);
			break;
		case PW_RECORD_FUNCTION:
			read_function(r);
			break;
		case PW_RECORD_FRAME:
			read_frame(r);
			break;
		case PW_RECORD_NODE:
			read_node(r);
			break;
		case PW_RECORD_SAMPLE:
			read_sample(r);
			break;
		case PW_RECORD_INFO:
			read_info(r);
			break;
		default:
			r->bad = true;
		}
	}
}

/* ---- the file ---- */

static uint32_t u32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* false: there is no further block that is whole; *ret_why is NULL at the end of the file. */
static bool read_block(struct reader *r, uint8_t **bytes, size_t *capacity, const char **ret_why)
{
	uint8_t head[8];
	size_t got = fread(head, 1, sizeof(head), r->file);
	uint32_t length = got == sizeof(head) ? u32(head) : 0;
	*ret_why = got ? "it is cut off" : NULL;
	if (got < sizeof(head))
		return false;
	*ret_why = "a block has a length that makes no sense";
	if (!length || length > PW_RECORDING_BLOCK_MAX)
		return false;
	if (length > *capacity) {
		uint8_t *more = realloc(*bytes, length);
		if (!more) {
			r->error = &pw_error_nomem;
			return false;
		}
		*bytes = more;
		*capacity = length;
	}
	*ret_why = "it is cut off";
	if (fread(*bytes, 1, length, r->file) < length)
		return false;
	*ret_why = "the checksum of a block is wrong";
	if (crc32(0, *bytes, length) != u32(head + 4))
		return false;
	r->at = *bytes;
	r->end = *bytes + length;
	return true;
}

/* `why` NULL: the file is whole, what it was made of was not. */
static void say(void (*warn)(void *data, const char *message), void *data, const char *path,
		const struct reader *r, const char *why)
{
	char message[4400];
	if (why)
		snprintf(message, sizeof(message),
			 "%.4096s: at byte %llu %s; what comes before is used", path,
			 (unsigned long long)r->offset, why);
	else
		snprintf(message, sizeof(message),
			 "%.4096s: a recording that it was made of was cut off", path);
	if (warn)
		warn(data, message);
}

static void read_blocks(struct reader *r, const char *path,
			void (*warn)(void *data, const char *message), void *warn_data)
{
	uint8_t *bytes = NULL;
	size_t capacity = 0;
	const char *why = NULL;
	while (!r->error && !r->bad && read_block(r, &bytes, &capacity, &why)) {
		read_records(r);
		why = r->bad ? "a block holds what makes no sense" : NULL;
		if (!r->bad)
			r->offset += 8 + (uint64_t)(r->end - bytes);
	}
	free(bytes);
	if (r->error)
		return;
	if (!why && !r->ended)
		why = "the recording was not ended";
	r->profile->info.complete = r->ended && !r->cut;
	if (why || r->cut)
		say(warn, warn_data, path, r, why);
}

static struct pw_error *read_head(struct reader *r, const char *path)
{
	uint8_t head[PW_RECORDING_MAGIC_LENGTH + 4];
	size_t got = fread(head, 1, sizeof(head), r->file);
	if (ferror(r->file))
		return pw_error_from_errno(errno, "cannot read %s", path);
	if (got < sizeof(head) || memcmp(head, PW_RECORDING_MAGIC, PW_RECORDING_MAGIC_LENGTH) != 0)
		return pw_error_create(PW_ERROR_FORMAT,
				       "%s is no recording of pywalk: it does not begin with its "
				       "eight magic bytes",
				       path);
	uint32_t version = u32(head + PW_RECORDING_MAGIC_LENGTH);
	if (version != PW_RECORDING_VERSION)
		return pw_error_create(PW_ERROR_FORMAT,
				       "%s is a recording of version %u; this pywalk reads %d",
				       path, (unsigned)version, PW_RECORDING_VERSION);
	r->offset = sizeof(head);
	return NULL;
}

static void reader_deinit(struct reader *r)
{
	for (size_t i = 0; i < r->texts.count; i++)
		free(r->texts.items[i]);
	free(r->texts.items);
	free(r->processes.items);
	free(r->threads.items);
	free(r->functions.items);
	free(r->frames.items);
	free(r->nodes.items);
	if (r->file)
		fclose(r->file);
}

struct pw_error *pw_recording_read(const char *path, void (*warn)(void *data, const char *message),
				   void *warn_data, struct pw_profile **ret)
{
	const struct pw_profile_info nothing = {.engine = ""};
	struct reader r = {.file = fopen(path, "rbe")};
	struct pw_error *error =
		r.file ? read_head(&r, path) : pw_error_from_errno(errno, "cannot open %s", path);
	if (!error)
		error = pw_profile_create(&nothing, &r.profile);
	if (!error) {
		add_number(&r, &r.nodes, 0);
		read_blocks(&r, path, warn, warn_data);
		error = r.error;
	}
	if (error)
		pw_profile_destroy(r.profile);
	else
		*ret = r.profile;
	reader_deinit(&r);
	return error;
}
