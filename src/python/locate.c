/*
 * Where the runtime's state stands: by symbol, by section, by the code of an exported function, by
 * the cookie of _Py_DebugOffsets, by a scan of writable data for a pointer that behaves like the
 * list of interpreters.
 */
#include "python/frame.h"

#include <stdlib.h>
#include <string.h>

/* "xdebugpy", the first member of _Py_DebugOffsets (pycore_debug_offsets.h, 3.13+). */
static const char cookie[8] = {'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'};

uint64_t pw_locate_symbol(struct pw_python *python, const char *name)
{
	struct pw_symbol symbol;
	struct pw_target *target = python->target;
	struct pw_module *module = python->id.module;
	if (module && pw_module_symbol(python->modules, module, name, &symbol))
		return symbol.address;
	if (!module && pw_modules_symbol(python->modules, name, &symbol, &python->id.module))
		return symbol.address;
	return target->symbol ? target->symbol(target, name) : 0;
}

/* A function that the interpreter exports if it has it: no need to ask a debugger, who would look
 * everywhere for what is nowhere. */
static bool is_exported(struct pw_python *python, const char *name)
{
	struct pw_symbol symbol;
	struct pw_module *module = python->id.module;
	return module ? pw_module_symbol(python->modules, module, name, &symbol)
		      : pw_locate_symbol(python, name) != 0;
}

static bool has_cookie(struct pw_target *target, uint64_t address)
{
	char bytes[sizeof(cookie)];
	pw_auto_error struct pw_error *error = pw_read(target, address, bytes, sizeof(bytes));
	return !error && memcmp(bytes, cookie, sizeof(cookie)) == 0;
}

static void found(struct pw_python *python, uint64_t runtime, const char *source)
{
	python->runtime = runtime;
	python->runtime_source = source;
	if (has_cookie(python->target, runtime))
		python->id.debug_offsets = runtime;
}

/* A module that exports the API, when it does not export its state. */
static void find_module(struct pw_python *python)
{
	static const char *const names[] = {"_PyRuntime",
					    "interp_head",
					    "_PyThreadState_Current",
					    "PyInterpreterState_Head",
					    "_PyEval_EvalFrameDefault",
					    "PyEval_EvalFrameEx"};
	struct pw_symbol symbol;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (pw_modules_symbol(python->modules, names[i], &symbol, &python->id.module))
			return;
	uint64_t address, size;
	for (size_t i = 0; i < python->modules->count; i++) {
		struct pw_module *module = &python->modules->items[i];
		if (pw_module_section(python->modules, module, ".PyRuntime", &address, &size)) {
			python->id.module = module;
			return;
		}
	}
}

typedef bool (*scan_fn)(struct pw_python *python, uint64_t address, const uint8_t *bytes,
			size_t length);

/* Calls `visit` with pieces of [start, end), each `overlap` bytes into the next, until it returns
 * true. */
static bool scan_range(struct pw_python *python, uint64_t start, uint64_t end, size_t overlap,
		       scan_fn visit)
{
	enum { CHUNK = 1 << 18 };
	uint8_t *chunk = malloc(CHUNK);
	bool done = false;
	for (uint64_t at = start; chunk && !done && at < end; at += CHUNK - overlap) {
		size_t length = 0, want = end - at < CHUNK ? end - at : CHUNK;
		enum pw_supplier supplier;
		pw_auto_error struct pw_error *error =
			pw_read_some(python->target, at, chunk, want, &length, &supplier);
		done = length && visit(python, at, chunk, length);
		if (error || length < CHUNK)
			break;
	}
	free(chunk);
	return done;
}

/* The same for a module's writable data. */
static bool scan_writable(struct pw_python *python, struct pw_module *module, size_t overlap,
			  scan_fn visit)
{
	uint64_t ranges[16][2];
	size_t count = pw_module_writable(python->modules, module, ranges, 16);
	for (size_t i = 0; i < count; i++)
		if (scan_range(python, ranges[i][0], ranges[i][1], overlap, visit))
			return true;
	return false;
}

/* The same for all writable memory of a target that knows no modules: a core without its notes. */
static bool scan_unnamed(struct pw_python *python, size_t overlap, scan_fn visit)
{
	const struct pw_target *target = python->target;
	uint64_t left = UINT64_C(1) << 30;
	for (size_t i = 0; i < target->mapping_count; i++) {
		const struct pw_mapping *mapping = &target->mappings[i];
		uint64_t size = mapping->end - mapping->start;
		if (!mapping->writable || size > left)
			continue;
		left -= size;
		if (scan_range(python, mapping->start, mapping->end, overlap, visit))
			return true;
	}
	return false;
}

static bool visit_cookie(struct pw_python *python, uint64_t address, const uint8_t *bytes,
			 size_t length)
{
	for (size_t i = 0; i + 24 <= length; i += 8) {
		uint64_t version;
		memcpy(&version, bytes + i + 8, 8);
		if (memcmp(bytes + i, cookie, sizeof(cookie)) == 0 && version >> 24 == 3) {
			found(python, address + i, "debug cookie");
			return true;
		}
	}
	return false;
}

/* Modules that could hold an interpreter without exporting a thing: the executable and anything
 * whose name says so come first, since a scan costs time. */
static bool scan_modules(struct pw_python *python, size_t overlap, scan_fn visit)
{
	if (python->id.module)
		return scan_writable(python, python->id.module, overlap, visit);
	if (python->modules->count == 0)
		return scan_unnamed(python, overlap, visit);
	const char *executable = python->target->executable;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < python->modules->count; i++) {
			struct pw_module *module = &python->modules->items[i];
			bool likely = strstr(module->path, "python") ||
				      (executable && strcmp(module->path, executable) == 0);
			if (likely != (pass == 0))
				continue;
			if (scan_writable(python, module, overlap, visit)) {
				python->id.module = module;
				return true;
			}
		}
	}
	return false;
}

static bool file_name_has(const struct pw_python *python, const char *suffix)
{
	const char *executable = python->target->executable;
	const char *path = python->id.module ? python->id.module->path
			   : executable	     ? executable
					     : "";
	const char *base = strrchr(path, '/');
	const char *digits = strpbrk(base ? base : path, "0123456789");
	return digits &&
	       strncmp(digits + strspn(digits, "0123456789."), suffix, strlen(suffix)) == 0;
}

static void find_flags(struct pw_python *python)
{
	uint64_t flag = 0;
	if (python->id.debug_offsets) {
		pw_auto_error struct pw_error *error =
			pw_read_u64(python->target, python->id.debug_offsets + 16, &flag);
		python->id.free_threaded = !error && flag == 1;
	} else {
		/* "python3.13t": a core may lack the table. */
		python->id.free_threaded = file_name_has(python, "t");
	}
	/* Only Py_REF_DEBUG builds have it (Include/object.h, refcount.h); with a debug cookie the
	 * flag of the file name "python3.14d" counts too. */
	python->id.debug =
		is_exported(python, "_Py_NegativeRefcount") || file_name_has(python, "d");

	/* Py_TRACE_REFS puts two pointers in front of the reference count; the type of type is
	 * itself. */
	uint64_t type = pw_locate_symbol(python, "PyType_Type"), plain = 0, traced = 0;
	if (!type)
		return;
	python->type_type = type;
	pw_auto_error struct pw_error *e1 = pw_read_u64(python->target, type + 8, &plain);
	pw_auto_error struct pw_error *e2 = pw_read_u64(python->target, type + 24, &traced);
	python->id.trace_refs =
		!e1 && !e2 && plain != type && traced == type && !python->id.free_threaded;
}

void pw_locate_symbols(struct pw_python *python)
{
	uint64_t address, size;
	find_module(python);
	if ((address = pw_locate_symbol(python, "_PyRuntime")))
		found(python, address, "symbol _PyRuntime");
	else if (python->id.module && pw_module_section(python->modules, python->id.module,
							".PyRuntime", &address, &size))
		found(python, address, "section .PyRuntime");
	else if (!python->id.module || !pw_locate_symbol(python, "PyInterpreterState_Head"))
		scan_modules(python, 24, visit_cookie);
	find_flags(python);
}

static bool read_field(struct pw_python *python, uint64_t base, struct pw_field field,
		       uint64_t *ret)
{
	pw_auto_error struct pw_error *error = pw_read_field(python, base, field, ret);
	return !error;
}

/* `prev` of a thread state stands in front of `next`, since 3.4. */
static bool has_previous(struct pw_python *python, uint64_t tstate, uint64_t expected)
{
	struct pw_field prev = python->layout.tstate_next;
	uint64_t previous;
	prev.offset -= 8;
	return read_field(python, tstate, prev, &previous) && previous == expected;
}

/* A new thread has none before it calls its first function; then there is the one that made it. */
static bool has_datastack(struct pw_python *python, uint64_t tstate)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t chunk, top, limit, next;
	if (!pw_has(layout, tstate_datastack_chunk) || !pw_has(layout, tstate_datastack_top) ||
	    !pw_has(layout, tstate_datastack_limit))
		return true;
	if (!read_field(python, tstate, layout->tstate_datastack_chunk, &chunk) ||
	    !read_field(python, tstate, layout->tstate_datastack_top, &top) ||
	    !read_field(python, tstate, layout->tstate_datastack_limit, &limit))
		return false;
	if (!chunk)
		return read_field(python, tstate, layout->tstate_next, &next) && next &&
		       has_previous(python, next, tstate);
	return pw_is_datastack(chunk, top, limit);
}

/* Whether `interp` looks like an interpreter: the first thread state of its list points back at it.
 * The free chunks of malloc() are lists that lead back to where they begin, too. */
static bool is_interpreter(struct pw_python *python, uint64_t interp)
{
	const struct pw_layout *layout = &python->layout;
	uint64_t tstate, back, thread_id;
	if (interp < 4096 || interp % 8 || !pw_target_mapping(python->target, interp))
		return false;
	if (!read_field(python, interp, layout->interp_threads_head, &tstate) || tstate < 4096 ||
	    tstate % 8)
		return false;
	return read_field(python, tstate, layout->tstate_interp, &back) && back == interp &&
	       read_field(python, tstate, layout->tstate_thread_id, &thread_id) && thread_id &&
	       (layout->traits.python2 || has_previous(python, tstate, 0)) &&
	       has_datastack(python, tstate);
}

static bool visit_head(struct pw_python *python, uint64_t address, const uint8_t *bytes,
		       size_t length)
{
	for (size_t i = 0; i + 8 <= length; i += 8) {
		uint64_t value;
		memcpy(&value, bytes + i, 8);
		if (value && is_interpreter(python, value)) {
			python->head_slot = address + i;
			return true;
		}
	}
	return false;
}

const char pw_scan_source[] = "scan of writable data";

bool pw_locate_head(struct pw_python *python)
{
	const struct pw_layout *layout = &python->layout;
	python->head_slot = 0;
	if (pw_has(layout, runtime_interpreters_head)) {
		if (python->runtime)
			python->head_slot = python->runtime +
					    (uint64_t)layout->runtime_interpreters_head.offset;
	} else if ((python->head_slot = pw_locate_symbol(python, "interp_head"))) {
		python->runtime_source = "symbol interp_head";
	}
	if (python->head_slot)
		return true;

	uint64_t function = pw_locate_symbol(python, "PyInterpreterState_Head");
	if (function && (python->head_slot = pw_head_from_code(python->target, function))) {
		python->runtime_source = "code of PyInterpreterState_Head";
	} else if (scan_modules(python, 8, visit_head)) {
		python->runtime_source = pw_scan_source;
	}
	if (python->head_slot && pw_has(layout, runtime_interpreters_head) && !python->runtime)
		python->runtime =
			python->head_slot - (uint64_t)layout->runtime_interpreters_head.offset;
	return python->head_slot != 0;
}
