/*
 * Files that debuginfod servers have, by libdebuginfod, which is loaded when DEBUGINFOD_URLS is set
 * and not otherwise: then no server is ever asked.
 *
 * A wait ends: when nothing arrives for 10 seconds (or what DEBUGINFOD_TIMEOUT says), when all
 * waits of one client took 90 seconds, or at Ctrl-C.  After that the client asks no more.  Private
 * to binary/.
 */
#ifndef PW_BINARY_DEBUGINFOD_H
#define PW_BINARY_DEBUGINFOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pw_debuginfod;
struct debuginfod_client;

/* Does the user's environment name servers? */
bool pw_debuginfod_wanted(void);
/* NULL: not wanted, or no library. */
struct pw_debuginfod *pw_debuginfod_create(void);
void pw_debuginfod_destroy(struct pw_debuginfod *debuginfod);

/* The path of a debug file in the user's cache, owned by the caller; NULL: none. */
char *pw_debuginfod_find(struct pw_debuginfod *debuginfod, const uint8_t *build_id, size_t length);

#endif
