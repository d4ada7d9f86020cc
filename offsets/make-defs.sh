#!/bin/sh
# usage: make-defs.sh MAKE_LAYOUT OUTPUT_DIR < LIST
#
# Writes OUTPUT_DIR/X.Y.def for the builds in LIST, a line each, "default" first in each version:
#
#	VERSION|VARIANT|PATH|TEXT|OPTIONS
#
# PATH is an ELF file with debug information (OPTIONS: of make-layout, such as --debug-dir DIR, and further files,
# such as those of the modules _datetime and _decimal) or a folder of
# CPython's headers (OPTIONS: flags of the preprocessor, see from-headers.sh).  TEXT says which build it is.
set -eu
make_layout=$1 output=$2
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is in no installed header: dict keys before 3.11, and structures that are private to a source file.  The
# former begin with no object header; the latter do, or with a dict, and neither has a conditional member, so that
# a section from headers takes them from the default one, moved by what the header has grown.  (The other way
# round is checked too: sections that have their own values must have these.)
fill_private() { # SECTION DEF
	awk 'BEGIN { bare = "^(keys|entry|setentry|odictnode|dequeblock)_"
		headed = "^(deque|range|dictview|mappingproxy|wrapper|staticmethod|classmethod|module|partial|date|datetime|time|timedelta|timezone|decimal)_" }
	     FNR == 1 { file++ }
	     file == 1 { size[$1] = $2; print; next }
	     /^\[/ { inside = $1 == "[default]" }
	     inside && file == 2 { was[$1] = $2 }
	     inside && file == 3 && !($1 in size) {
		if ($1 ~ headed) { $2 += size["object_sizeof"] - was["object_sizeof"]; print }
		else if ($1 ~ /^odict_/) { $2 += size["dict_sizeof"] - was["dict_sizeof"]; print }
		else if ($1 ~ bare) print
	     }' "$1" "$2" "$2"
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
		fill_private "$work/section" "$def" >"$work/filled"
		cat "$work/filled" >>"$def"
	else
		"$make_layout" --variant "$variant" --from "$text" "$path" "$@" >"$work/section"
		fill_private "$work/section" "$def" >"$work/filled"
		cat "$work/filled" >>"$def"
	fi
}

while IFS='|' read -r version variant path text options; do
	case $version in
	'' | '#'*) continue ;;
	esac
	# shellcheck disable=SC2086 # options are words
	section "$version" "$variant" "$path" "$text" $options
done
