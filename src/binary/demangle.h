/*
 * Demangling of C++ (Itanium ABI) and Rust (legacy and v0) symbol names, by libiberty.
 *
 * Names come from the target's files: what they cost in time, stack and memory is bounded.
 */
#ifndef PW_BINARY_DEMANGLE_H
#define PW_BINARY_DEMANGLE_H

#include <stddef.h>

enum {
	PW_NAME_MAX = 64 << 10, /* bytes of a name, mangled or not; longer ones are cut */
};

/*
 * The name as its programmer knows it, without parameters, return type and Rust's hash: "ns::f",
 * "std::vector<int, std::allocator<int> >::push_back", "core::fmt::write".  NULL when `symbol` is
 * not mangled, too complicated for the library's limits, or memory is short; the caller frees it.
 * Not necessarily valid UTF-8, as `symbol`.
 */
char *pw_demangle(const char *symbol);

#endif
