#!/bin/bash
# Guards a branch of a kernel tree: tests each new head, and if one is not as it
# should be looks for the commit since when.
#
#   guard.sh TREE REMOTE/BRANCH ADDRESS [TESTS]
#
# TREE is a clone. Nothing is checked out in it; what was tested last, and what was
# good last, is remembered in it: refs/uetest/seen and refs/uetest/good.
set -u
[ $# -ge 3 ] || { echo "usage: $0 TREE REMOTE/BRANCH ADDRESS [TESTS]" >&2; exit 2; }
tree=$1 branch=$2 address=$3 tests=${4-}
pause=${GUARD_PAUSE-600} # seconds; look once if it is empty

git() { command git -C "$tree" "$@"; }
commit() { git rev-parse --quiet --verify "$1^{commit}"; }
tell() { mail -s "uetest: $branch $1" "$address" <"$report"; }

look() {
	git fetch --quiet "${branch%%/*}" && new=$(commit "$branch") || return
	[ "$new" != "$(commit refs/uetest/seen)" ] || return 0
	uetest run -C "$tree" --no-patch --commit "$new" --run "$tests" -q >"$report" 2>&1
	code=$?
	good=$(commit refs/uetest/good)
	case $code in
	0)
		git update-ref refs/uetest/good "$new"
		;;
	1 | 3 | 5) # a test, the build, the boot: what the commits are to blame for
		since=$tests
		[ "$code" = 1 ] || since=boot/kernel
		if [ -n "$good" ]; then
			uetest bisect "$good" "$new" -C "$tree" --run "$since" -q >>"$report" 2>&1
		fi
		tell "$(git log -1 --format='%h %s' "$new"): exit code $code"
		;;
	6) # the machine: the next look tries again
		tell "could not be tested"
		return 0
		;;
	*) # the command line, no test, an interruption: nothing to go on with
		cat "$report" >&2
		exit "$code"
		;;
	esac
	git update-ref refs/uetest/seen "$new"
}

report=$(mktemp)
trap 'rm -f "$report"' EXIT
while look || echo "guard.sh: $branch could not be fetched" >&2; do
	[ -n "$pause" ] || break
	sleep "$pause"
done
