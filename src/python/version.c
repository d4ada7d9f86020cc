/*
 * The version of the interpreter, by evidence: _Py_DebugOffsets (3.13+, pycore_debug_offsets.h),
 * the variable Py_Version (3.11+, Python/getversion.c), the string PY_VERSION in read-only data,
 * the name of the file, the path of the standard library.
 */
#include "python/runtime.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICRO_UNKNOWN = 255 };

static void add(struct pw_python *python, const char *source, unsigned major, unsigned minor,
		unsigned micro, const char *detail)
{
	if (!pw_version_possible(major, minor) || python->evidence_count == PW_EVIDENCE_MAX)
		return;
	struct pw_evidence *e = &python->evidence[python->evidence_count++];
	*e = (struct pw_evidence){source, major, minor, micro, ""};
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
}

/* PY_VERSION_HEX: 0xMMmmppLS, Include/patchlevel.h. */
static void add_hex(struct pw_python *python, const char *source, uint64_t hex)
{
	char detail[32];
	snprintf(detail, sizeof(detail), "0x%08llx", (unsigned long long)hex);
	if (hex >> 32 == 0)
		add(python, source, hex >> 24 & 0xff, hex >> 16 & 0xff, hex >> 8 & 0xff, detail);
}

static void from_debug_offsets(struct pw_python *python)
{
	uint64_t hex;
	if (!python->id.debug_offsets)
		return;
	pw_auto_error struct pw_error *error =
		pw_read_u64(python->target, python->id.debug_offsets + 8, &hex);
	if (!error)
		add_hex(python, "_Py_DebugOffsets", hex);
}

static void from_py_version(struct pw_python *python)
{
	uint64_t address = pw_locate_symbol(python, "Py_Version"), hex;
	if (!address)
		return;
	pw_auto_error struct pw_error *error = pw_read_u64(python->target, address, &hex);
	if (!error)
		add_hex(python, "Py_Version", hex);
}

/* Parses "M.m" at text, with ".p" when it follows; the number of characters, 0: not a version. */
static size_t parse_version(const char *text, unsigned *major, unsigned *minor, unsigned *micro)
{
	int length = 0;
	*micro = MICRO_UNKNOWN;
	if (sscanf(text, "%1u.%2u%n", major, minor, &length) != 2 || length == 0)
		return 0;
	unsigned patch;
	int more = 0;
	if (sscanf(text + length, ".%2u%n", &patch, &more) == 1 && more) {
		*micro = patch;
		length += more;
	}
	return (size_t)length;
}

/* The form of PY_VERSION: "3.8.18", "3.15.0b1", "3.12.1+". */
static bool is_version_string(const char *s, unsigned *major, unsigned *minor, unsigned *micro)
{
	if (!isdigit((unsigned char)s[0]) || s[1] != '.')
		return false;
	size_t used = parse_version(s, major, minor, micro);
	if (!used || *micro == MICRO_UNKNOWN || !pw_version_possible(*major, *minor))
		return false;
	const char *rest = s + used;
	if (rest[0] == 'a' || rest[0] == 'b')
		rest++;
	else if (rest[0] == 'r' && rest[1] == 'c')
		rest += 2;
	rest += strspn(rest, "0123456789");
	if (*rest == '+')
		rest++;
	return *rest == 0;
}

/* Versions found in read-only data, each once. */
struct string_scan {
	struct pw_evidence found[8];
	size_t count;
};

static void scan_string(const char *s, size_t length, struct string_scan *scan)
{
	/* Linkers keep a string that ends another one only there: PY_VERSION may be the tail of a
	 * path. */
	const char *tail = s + length;
	while (tail > s &&
	       (isalnum((unsigned char)tail[-1]) || tail[-1] == '.' || tail[-1] == '+') &&
	       s + length - tail < 12)
		tail--;
	unsigned major, minor, micro;
	if (!is_version_string(tail, &major, &minor, &micro))
		return;
	for (size_t i = 0; i < scan->count; i++)
		if (scan->found[i].major == major && scan->found[i].minor == minor &&
		    scan->found[i].micro == micro)
			return;
	if (scan->count == sizeof(scan->found) / sizeof(scan->found[0]))
		return;
	struct pw_evidence *e = &scan->found[scan->count++];
	*e = (struct pw_evidence){"version string", major, minor, micro, ""};
	snprintf(e->detail, sizeof(e->detail), "%.12s", tail);
}

static void scan_strings(const char *data, size_t length, struct string_scan *scan)
{
	const char *end = data + length;
	for (const char *p = data; p < end;) {
		const char *stop = memchr(p, 0, (size_t)(end - p));
		if (!stop)
			return;
		if (stop - p >= 5)
			scan_string(p, (size_t)(stop - p), scan);
		p = stop + 1;
	}
}

static bool known_minor(const struct pw_python *python, const struct pw_evidence *e)
{
	for (size_t i = 0; i < python->evidence_count; i++)
		if (python->evidence[i].major == e->major && python->evidence[i].minor == e->minor)
			return true;
	return false;
}

/* One version that other evidence agrees with, or the only one there is: read-only data holds the
 * versions of other things too. */
static void add_from_scan(struct pw_python *python, const struct string_scan *scan)
{
	const struct pw_evidence *best = NULL;
	size_t agreeing = 0;
	for (size_t i = 0; i < scan->count; i++) {
		if (known_minor(python, &scan->found[i])) {
			best = &scan->found[i];
			agreeing++;
		}
	}
	if (agreeing == 0 && scan->count == 1)
		best = &scan->found[agreeing++];
	if (agreeing == 1)
		add(python, best->source, best->major, best->minor, best->micro, best->detail);
}

/* Of memory that nobody writes to. */
static void scan_memory(struct pw_python *python, struct pw_module *module,
			struct string_scan *scan)
{
	enum { CHUNK = 1 << 20, OVERLAP = 512 };
	uint64_t ranges[16][2];
	size_t count = pw_module_readonly(python->modules, module, ranges, 16);
	char *chunk = malloc(CHUNK);
	for (size_t i = 0; chunk && i < count; i++) {
		for (uint64_t at = ranges[i][0]; at < ranges[i][1]; at += CHUNK - OVERLAP) {
			uint64_t left = ranges[i][1] - at;
			size_t done = 0;
			enum pw_supplier supplier;
			pw_auto_error struct pw_error *error =
				pw_read_some(python->target, at, chunk, left < CHUNK ? left : CHUNK,
					     &done, &supplier);
			scan_strings(chunk, done, scan);
			if (error || done < CHUNK)
				break;
		}
	}
	free(chunk);
}

static void from_strings(struct pw_python *python)
{
	struct pw_module *module = python->id.module;
	struct string_scan scan = {0};
	size_t length;
	if (!module)
		return;
	const char *rodata = pw_module_rodata(python->modules, module, &length);
	if (rodata)
		scan_strings(rodata, length, &scan);
	if (!scan.count)
		scan_memory(python, module, &scan);
	add_from_scan(python, &scan);
}

/* "libpython3.8.so.1.0", "python3.11", "python2.7". */
static bool version_of_file(const char *path, unsigned *major, unsigned *minor)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	if (strncmp(base, "lib", 3) == 0)
		base += 3;
	unsigned micro;
	return strncmp(base, "python", 6) == 0 && parse_version(base + 6, major, minor, &micro) &&
	       pw_version_possible(*major, *minor);
}

static void from_file_name(struct pw_python *python)
{
	unsigned major, minor;
	const char *paths[] = {python->id.module ? python->id.module->path : NULL,
			       python->target->executable};
	for (size_t i = 0; i < 2; i++) {
		if (!paths[i] || !version_of_file(paths[i], &major, &minor))
			continue;
		const char *base = strrchr(paths[i], '/');
		add(python, "file name", major, minor, MICRO_UNKNOWN, base ? base + 1 : paths[i]);
		return;
	}
}

/* ".../lib/python3.8/lib-dynload/_ctypes.cpython-38-x86_64-linux-gnu.so" */
static void from_library_path(struct pw_python *python)
{
	const struct pw_target *target = python->target;
	for (size_t i = 0; i < target->mapping_count; i++) {
		const char *path = target->mappings[i].path;
		const char *found = path ? strstr(path, "/lib/python") : NULL;
		unsigned major, minor, micro;
		if (!found || !strstr(found, "/lib-dynload/"))
			continue;
		size_t used = parse_version(found + strlen("/lib/python"), &major, &minor, &micro);
		if (used && pw_version_possible(major, minor)) {
			char detail[32];
			snprintf(detail, sizeof(detail), "lib/python%u.%u", major, minor);
			add(python, "standard library", major, minor, MICRO_UNKNOWN, detail);
			return;
		}
	}
}

bool pw_version_detect(struct pw_python *python)
{
	python->evidence_count = 0;
	from_py_version(python);
	from_debug_offsets(python);
	from_file_name(python);
	from_library_path(python);
	bool micro_known = false;
	for (size_t i = 0; i < python->evidence_count; i++)
		micro_known = micro_known || python->evidence[i].micro != MICRO_UNKNOWN;
	if (!micro_known)
		from_strings(python);
	if (python->evidence_count == 0)
		return false;

	/* The first that another agrees with; alone, the first. */
	const struct pw_evidence *best = NULL;
	for (size_t i = 0; i < python->evidence_count && !best; i++)
		for (size_t j = 0; j < python->evidence_count && !best; j++)
			if (i != j && python->evidence[i].major == python->evidence[j].major &&
			    python->evidence[i].minor == python->evidence[j].minor)
				best = &python->evidence[i];
	if (!best)
		best = &python->evidence[0];
	python->id.major = best->major;
	python->id.minor = best->minor;
	python->id.micro = MICRO_UNKNOWN;
	for (size_t i = 0; i < python->evidence_count; i++) {
		const struct pw_evidence *e = &python->evidence[i];
		if (e->major == best->major && e->minor == best->minor &&
		    e->micro != MICRO_UNKNOWN) {
			python->id.micro = e->micro;
			break;
		}
	}
	if (python->id.micro == MICRO_UNKNOWN)
		snprintf(python->version, sizeof(python->version), "%u.%u", best->major,
			 best->minor);
	else
		snprintf(python->version, sizeof(python->version), "%u.%u.%u", best->major,
			 best->minor, python->id.micro);
	return true;
}
