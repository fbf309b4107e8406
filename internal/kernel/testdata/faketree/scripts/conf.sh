# conf.sh KCONFIG CONFIG: keeps the settings of options that there are, without
# USER_EVENTS unless its dependency is met.
known=$(cat "$1" "$(dirname "$1")/kernel/Kconfig" | sed -n 's/^config //p')
cp "$2" "$2.in"
: > "$2"
while read -r line; do
	name=$(echo "$line" | sed -n 's/^\(# \)\{0,1\}CONFIG_\([A-Z0-9_]*\)[ =].*/\2/p')
	[ -n "$name" ] || continue
	echo "$known" | grep -qx "$name" || continue
	if [ "$name" = USER_EVENTS ] && ! grep -qx CONFIG_COMPILE_TEST=y "$2.in"; then continue; fi
	echo "$line" >> "$2"
done < "$2.in"
rm "$2.in"
echo "# configuration written to .config"
