/* Line tables of every kind.  Input: format, first line (4 bytes), offset (4 bytes), table. */
#include "fuzz.h"

#include "python/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	enum pw_line_table format = fuzz_take(&input, 1) % (PW_LINES_LOCATIONS + 1);
	int first = (int)(int32_t)fuzz_take(&input, 4);
	int64_t lasti = (int32_t)fuzz_take(&input, 4);
	struct pw_location at = pw_lines_find(format, input.at, input.left, first, lasti);
	FUZZ_EXPECT(at.line >= 0 && at.end_line >= 0 && at.column >= -1 && at.end_column >= -1);
	return 0;
}
