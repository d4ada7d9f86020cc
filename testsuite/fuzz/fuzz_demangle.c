/* Mangled names of C++ and Rust.  Input: the name. */
#include "fuzz.h"

#include "binary/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = strndup((const char *)data, size);
	FUZZ_EXPECT(name);
	char *plain = pw_demangle(name);
	FUZZ_EXPECT(!plain || strlen(plain) <= PW_NAME_MAX + 8);
	free(plain);
	free(name);
	return 0;
}
