#!/bin/sh
# The demonstration behind `make demo`: a process whose stack goes from C to Python and back several times,
# seen by GDB and by pywalk, while it lives and in its core.
set -eu

O=${O:-build}
here=$(dirname "$0")
# The distribution's own interpreter where there is one: that is the hard case, static and stripped.
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v "${PYTHON3:-python3}")
scratch=$(mktemp -d)
pid=
# shellcheck disable=SC2317 # called by the trap
finish() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM

# No questions about downloading symbols: pywalk needs none.
export DEBUGINFOD_URLS=
export LC_ALL=C.UTF-8

heading() {
	printf '\n==> %s\n' "$1"
	shift
	for line; do
		printf '    %s\n' "$line"
	done
	printf '\n'
}

run() {
	printf '$'
	for word; do
		case $word in
		*' '*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
	"$@" 2>&1
}

"$python" "$here/demo.py" >"$scratch/ready" 2>&1 &
pid=$!
tries=0
until grep -q ready "$scratch/ready"; do
	tries=$((tries + 1))
	if [ "$tries" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
		echo "demo: the program did not start:" >&2
		cat "$scratch/ready" >&2
		exit 1
	fi
	sleep 0.1
done

heading "A running process in GDB: Python and C frames in one stack" \
	"Process $pid is $("$python" --version), running demo/demo.py." \
	"Lines with [py] are Python functions, lines with [c] are C functions, newest first." \
	"Python calls C calls Python: reduce, sorted, re.sub, json and qsort are on the way."
# Where debug symbols are installed, the arguments of C functions would fill the screen.
quiet="set print frame-arguments none"
run gdb -p "$pid" -batch -x gdb/pywalk.py -ex "$quiet" -ex py-mixed-bt

heading "The same process by pywalk, without a debugger" \
	"All threads, Python and C frames. They sleep, and are read without being stopped."
run "$O/pywalk" dump --native "$pid"

heading "Its core file" \
	"gcore, a part of GDB, writes the process's memory to a file, as a crash would."
run gcore -o "$scratch/core" "$pid" | tail -n 2
core=$scratch/core.$pid
kill "$pid"
wait "$pid" 2>/dev/null || true
pid=

heading "The core in GDB: the process is gone, the stack is the same"
run gdb -batch -x gdb/pywalk.py -ex "$quiet" -ex py-mixed-bt "$python" "$core"

heading "The core by pywalk"
run "$O/pywalk" dump --native "$core"

heading "That was it" \
	"make check runs the tests; README.md goes on from here."
