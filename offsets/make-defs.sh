#!/bin/sh
# usage: make-defs.sh MAKE_LAYOUT OUTPUT_DIR < LIST
#
# Writes OUTPUT_DIR/X.Y.def for the builds in LIST, a line each, "default" first in each version:
#
#	VERSION|VARIANT|PATH|TEXT|OPTIONS
#
# PATH is an ELF file with debug information (OPTIONS: of make-layout, such as --debug-dir DIR) or a folder of
# CPython's headers (OPTIONS: flags of the preprocessor, see from-headers.sh).  TEXT says which build it is.
set -eu
make_layout=$1 output=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Before 3.11 the structures of dict keys are in no installed header.  They begin with no object header and
# have no conditional member, so that a section from headers takes them from the default one.
fill_keys() { # SECTION DEF
	awk 'NR == FNR { if ($1 in own == 0) own[$1] = $0; print; next }
	     /^\[/ { inside = $1 == "[default]" }
	     inside && /^(keys|entry)_/ && !($1 in own)' "$1" "$2"
}

section() { # VERSION VARIANT PATH TEXT OPTION...
	def=$output/$1.def variant=$2 path=$3 text=$4
	if [ "$variant" = default ]; then
		printf '# CPython %s.  Made by offsets/make-defs.sh; offsets/README.md says how, src/python/layout.h the format.\nversion %s\n' \
			"$1" "$1" >"$def"
	fi
	shift 4
	if [ -d "$path" ]; then
		sh "$here/from-headers.sh" "$path" "$work/headers.o" "$@"
		"$make_layout" --variant "$variant" --from "$text" "$work/headers.o" >"$work/section"
		fill_keys "$work/section" "$def" >"$work/filled"
		cat "$work/filled" >>"$def"
	else
		"$make_layout" --variant "$variant" --from "$text" "$@" "$path" >>"$def"
	fi
}

while IFS='|' read -r version variant path text options; do
	case $version in
	'' | '#'*) continue ;;
	esac
	# shellcheck disable=SC2086 # options are words
	section "$version" "$variant" "$path" "$text" $options
done
