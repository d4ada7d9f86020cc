/*
 * The field table as data: names for files and messages.
 */
#include "python/layout.h"

const struct pw_field_info pw_field_infos[PW_FIELD_COUNT] = {
#define PW_FIELD(name, types, paths, debug_name) {#name, types, paths, debug_name, NULL},
#define PW_ENUMERATOR(name, enumerator)		 {#name, NULL, NULL, NULL, enumerator},
#include "python/layout_fields.h"
};
