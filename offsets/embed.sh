#!/bin/sh
# Writes the layout files named as arguments as one C source: the table behind pw_builtin_layouts.
set -eu
printf '#include "python/layout.h"\n\n'
i=0
for file; do
	printf 'static const unsigned char text_%d[] = {\n' "$i"
	od -An -v -tu1 "$file" | sed 's/  */,/g; s/^,//; s/$/,/'
	printf '};\n'
	i=$((i + 1))
done
printf '\nconst struct pw_builtin_layout pw_builtin_layouts[] = {\n'
i=0
for file; do
	printf '\t{"%s", (const char *)text_%d, sizeof(text_%d)},\n' "$(basename "$file")" "$i" "$i"
	i=$((i + 1))
done
printf '\t{0, 0, 0},\n};\nconst size_t pw_builtin_layout_count = %d;\n' "$i"
