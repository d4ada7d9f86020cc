#!/bin/sh
# usage: from-headers.sh INCLUDE_DIR OUTPUT.o [CPPFLAG...]
#
# Compiles CPython's headers, without any code, to an object file whose debug information make-layout can
# read: for builds of which there is no interpreter at hand.  INCLUDE_DIR is ".../include/python3.X" with its
# folder internal/; flags such as -DPy_DEBUG, -DPy_TRACE_REFS, -DPy_GIL_DISABLED=1 choose the build.
set -eu
include=$1 output=$2
shift 2
printf '%s\n' '#include <Python.h>' >"$output.c"
# Which of them exist depends on the version; dict keys were private to Objects/ before 3.11.
for header in code.h frameobject.h structmember.h longintrepr.h datetime.h \
	internal/mem.h internal/ceval.h internal/gil.h internal/pystate.h \
	internal/pycore_gil.h internal/pycore_pystate.h internal/pycore_runtime.h internal/pycore_interp.h \
	internal/pycore_frame.h internal/pycore_interpframe.h internal/pycore_dict.h \
	internal/pycore_moduleobject.h internal/pycore_debug_offsets.h; do
	printf '#if __has_include("%s")\n#include "%s"\n#endif\n' "$header" "$header" >>"$output.c"
done
${CC:-gcc} -g -w -fno-eliminate-unused-debug-types -DPy_BUILD_CORE "$@" -I"$include" -I"$include/internal" \
	-I"$(dirname "$include")" -c -o "$output" "$output.c"
rm -f "$output.c"
