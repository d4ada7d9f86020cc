#!/bin/sh
# Writes the page of the format "flamegraph" as one C source:  embed.sh PAGE STYLE SCRIPT...
#
# PAGE's lines <!--style-->, <!--script--> and <!--data--> are where the style, the scripts (one after the other) and,
# when a profile is written, its data go.  SCRIPT_HASH and STYLE_HASH become what the page's own security policy
# allows to run: these scripts, and nothing that a name could bring in.
set -eu
page=$1 style=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat "$@" >"$folder/script"
if grep -qi '</script\|<!--' "$folder/script" || grep -qi '</style' "$style"; then
	echo "embed.sh: a script or style that would end itself" >&2
	exit 1
fi

hash() {
	"${PYTHON3:-python3}" -c 'import base64, hashlib, sys
sys.stdout.write(base64.b64encode(hashlib.sha256(open(sys.argv[1], "rb").read()).digest()).decode())' "$1"
}

sed -e "s|SCRIPT_HASH|$(hash "$folder/script")|" -e "s|STYLE_HASH|$(hash "$style")|" "$page" |
	while IFS= read -r line; do
		case $line in
		'<!--style-->') printf '<style>' && cat "$style" && printf '</style>\n' ;;
		'<!--script-->') printf '<script>' && cat "$folder/script" && printf '</script>\n' ;;
		*) printf '%s\n' "$line" ;;
		esac
	done >"$folder/page"
sed '/^<!--data-->$/,$d' "$folder/page" >"$folder/head"
sed '1,/^<!--data-->$/d' "$folder/page" >"$folder/tail"

printf '#include "output/flamegraph.h"\n'
for part in head tail; do
	printf '\nstatic const unsigned char %s[] = {\n' $part
	od -An -v -tu1 "$folder/$part" | sed 's/  */,/g; s/^,//; s/$/,/'
	printf '};\n'
done
printf '\nconst struct pw_flamegraph_page pw_flamegraph_page = {\n'
printf '\t(const char *)head, sizeof(head), (const char *)tail, sizeof(tail),\n};\n'
