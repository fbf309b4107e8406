# uetest's guard: reads what uetest starts and makes from a pipe, and ends and
# removes what is left when the pipe closes, because uetest was killed.
#   +g PGID START   a process group; START is field 22 of the leader's stat
#   +d DIR          a directory
#   +t DEVICE STATE  a terminal, and what stty is to set it to
#   -...            the same, gone
exec 3<&- # this text
trap '' HUP INT TERM
nl='
'
left=$nl
while IFS= read -r line; do
	case $line in
	+*) left=$left${line#+}$nl ;;
	-*)
		gone=$nl${line#-}$nl
		case $left in
		*"$gone"*) left=${left%%"$gone"*}$nl${left#*"$gone"} ;;
		esac
		;;
	esac
done

# look sets live to the groups with a living member, " 12 34 ". A zombie is
# dead, and there may be no init that reaps it soon.
look() {
	live=' '
	IFS=' '
	set +f
	for file in /proc/[0-9]*/stat; do
		stat=
		{ read -r stat <"$file"; } 2>/dev/null
		set -f
		set -- ${stat##*) }
		case $1 in '' | Z | X) continue ;; esac
		case $live in *" $3 "*) ;; *) live="$live$3 " ;; esac
	done
	set -f
	IFS=$nl
}

# ours PGID START: the group lives and was not made anew under its number.
# While a group has members its number is taken; once it is empty another
# process may get it, and then that process is its leader with another START.
ours() {
	case $live in *" $1 "*) ;; *) return 1 ;; esac
	stat=
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null
	[ -n "$stat" ] || return 0
	start=$2
	IFS=' '
	set -- ${stat##*) }
	IFS=$nl
	[ "$start" = 0 ] || [ "$start" = "${20}" ]
}

# each SIGNAL: sends it to the groups, or 0 to ask; fails if there is none.
each() {
	case $left in *"${nl}g "*) ;; *) return 1 ;; esac
	found=1
	look
	for entry in $left; do
		case $entry in "g "*) ;; *) continue ;; esac
		entry=${entry#g }
		if ours "${entry% *}" "${entry#* }"; then
			found=0
			kill -s "$1" -- "-${entry% *}" 2>/dev/null
		fi
	done
	return $found
}

# until_gone TENTHS: waits for the groups to end, so long at most.
until_gone() {
	n=0
	while [ "$n" -lt "$1" ] && each 0; do
		sleep 0.1 2>/dev/null || sleep 1
		n=$((n + 1))
	done
}

each TERM && until_gone 20
each KILL && until_gone 20
IFS=$nl
for entry in $left; do
	case $entry in
	"d /"*/uetest-*) rm -rf -- "${entry#d }" ;;
	"t /dev/"*)
		entry=${entry#t }
		stty -F "${entry% *}" "${entry##* }" 2>/dev/null
		;;
	esac
done
