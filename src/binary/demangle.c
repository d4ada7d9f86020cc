/*
 * Why libiberty: it knows C++ and both of Rust's manglings, is what GDB and binutils print with,
 * and its archive is made of position-independent code.  Its demanglers are LGPL with the
 * permission to link them into anything; of the archive only these, and a table of characters, are
 * linked. libstdc++'s __cxa_demangle is a C++ runtime for half of that.
 *
 * Without parameters, as GDB's `bt` prints functions that have debug information: a listing of a
 * stack has one line a frame, and a name does not change when a debug file turns up.
 */
#include "binary/demangle.h"

#include "base/buffer.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

static const char cut_mark[] = "...";

struct output {
	struct pw_buffer text;
	bool may_hold_memory; /* the library may own memory while it calls back */
	jmp_buf full;
};

/*
 * A back-reference may double the text: 100 bytes of name can stand for more text than there is
 * memory, and the library has no limit of its own, nor a way to be told to stop.
 */
static void append(const char *data, size_t length, void *opaque)
{
	struct output *output = opaque;
	size_t room = PW_NAME_MAX - output->text.length;

	pw_buffer_append(&output->text, data, length < room ? length : room);
	/* Rust's demangler allocates for an identifier in punycode alone; a separator is none. */
	if (length > room && (!output->may_hold_memory || length <= 2))
		longjmp(output->full, 1);
}

/* Names of compilers other than these two are left alone: Java's, D's and Ada's prefixes are too
 * much like C. */
static bool is_mangled(const char *symbol, bool *ret_rust)
{
	*ret_rust = symbol[0] == '_' && symbol[1] == 'R';
	return *ret_rust || (symbol[0] == '_' && symbol[1] == 'Z');
}

static bool run(const char *symbol, bool rust, struct output *output)
{
	const int options = DMGL_NO_OPTS;

	output->may_hold_memory = rust;
	output->text.length = 0;
	if (setjmp(output->full)) {
		pw_buffer_append_string(&output->text, cut_mark);
		return true;
	}
	return rust ? rust_demangle_callback(symbol, options, append, output)
		    : cplus_demangle_v3_callback(symbol, options, append, output);
}

/* LLVM's suffix of a function that link-time optimization made visible. */
static char *without_llvm_suffix(const char *symbol, size_t length)
{
	const char *suffix = strstr(symbol, ".llvm.");

	return strndup(symbol, suffix ? (size_t)(suffix - symbol) : length);
}

char *pw_demangle(const char *symbol)
{
	bool rust;
	size_t length = strnlen(symbol, PW_NAME_MAX + 1);

	if (!is_mangled(symbol, &rust) || length > PW_NAME_MAX)
		return NULL;
	struct output *output = calloc(1, sizeof(*output));
	char *plain = without_llvm_suffix(symbol, length);
	char *text = NULL;
	/* A legacy name of Rust is a valid one of C++: Rust first. */
	if (output && plain && (run(plain, true, output) || (!rust && run(symbol, false, output))))
		text = pw_buffer_steal(&output->text);
	free(plain);
	if (output)
		pw_buffer_deinit(&output->text);
	free(output);
	return text;
}
