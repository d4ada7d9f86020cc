#include "binary/source_lines.h"

struct pw_source *pw_module_source(struct pw_modules *modules, struct pw_module *module)
{
	return NULL;
}

size_t pw_source_find(struct pw_source *source, uint64_t address,
		      struct pw_source_frame ret[PW_INLINE_MAX])
{
	return 0;
}

void pw_source_destroy(struct pw_source *source)
{
}
