#!/bin/sh
# A user's program in C++20, consumer.cc, against an installed library found
# with pkg-config: linked with the shared one, and with the archive, also where
# PREFIX has a blank.  Without DESTDIR "make install" leaves a program that
# starts, or says what to type.  Reports its tests in cmocka's words.
cd "$(dirname "$0")/../.." || exit
CXX=${CXX:-g++}
skip() {
	echo "skipped: $*"
	echo '[  PASSED  ] 0 test(s).'
	echo '[  SKIPPED ] 7 test(s), listed below:'
	exit 0
}

[ "$(uname -s)" != Darwin ] || skip 'no shared library here'
command -v "$CXX" >/dev/null || skip "no $CXX"
tools/need pkg-config pkg-config || skip 'no pkg-config'

tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
# The make above may have gone with its job server; its variables stay.
MAKEFLAGS=$(printf %s "$MAKEFLAGS" | sed 's/ *--jobserver-[a-z]*=[^ ]*//')
export MAKEFLAGS
passed=0 failed=0

# install_at PREFIX [DESTDIR]; pkg-config finds it there.
install_at() {
	lib=$2$1/lib
	export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$2"
	${MAKE:-make} -s --no-print-directory install ${B:+B="$B"} \
		DESTDIR="$2" PREFIX="$1"
}

# judge NAME COMMAND...: a test, which passes if the command succeeds.
judge() {
	name=$1
	shift
	"$@" && passed=$((passed + 1)) && return
	echo "[  FAILED  ] $name"
	failed=$((failed + 1))
}

# compile PROGRAM PKG_CONFIG_FLAGS LINKER_FLAGS...: pkg-config quotes blanks as
# the shell does.
compile() {
	flags=$(pkg-config --cflags --libs $2 socle) && echo "$1: $flags" &&
		eval "$CXX -std=c++20 -Wall -Wextra -Wpedantic -Werror \
			-o '$1' tests/consumer/consumer.cc $3 $flags $4"
}

starts() {
	compile "$tmp/program" "$@" && LD_LIBRARY_PATH=$lib "$tmp/program"
}

for prefix in /opt/socle '/opt/so cle'; do
	install_at "$prefix" "$tmp" || exit
	judge "shared, in $prefix" starts '' '' ''
	judge "static, in $prefix" starts --static -Wl,-Bstatic -Wl,-Bdynamic
done

# An ldconfig whose loader searches $1, or nothing that is there; it notes that
# it was run to make the cache.  And an id of the user $2.
plant() {
	mkdir -p "$tmp/bin"
	rm -f "$tmp/cached"
	cat >"$tmp/bin/ldconfig" <<-EOF
		#!/bin/sh
		case \$1 in -*) echo '$1: (from here)' ;; *) : >'$tmp/cached' ;; esac
	EOF
	printf '#!/bin/sh\necho %s\n' "$2" >"$tmp/bin/id"
	chmod +x "$tmp/bin/ldconfig" "$tmp/bin/id"
}

install_planted() {
	plant "$1" "$2"
	PATH=$tmp/bin:$PATH install_at "$tmp/usr" >"$tmp/said"
}

# As root the cache is made, and nothing needs to be typed.
root_makes_the_cache() {
	install_planted "$tmp/usr/lib" 0 && [ -e "$tmp/cached" ] &&
		! grep ldconfig "$tmp/said"
}

a_user_is_told_to_make_the_cache() {
	install_planted "$tmp/usr/lib" 1000 && [ ! -e "$tmp/cached" ] &&
		grep -qx '	sudo ldconfig' "$tmp/said"
}

# The line that is printed is the one that makes the program start.
a_library_beside_the_loaders_paths_is_found_after_the_line() {
	install_planted /nowhere 0 && [ ! -e "$tmp/cached" ] &&
		compile "$tmp/program" '' '' '' &&
		eval "$(grep '^	export LD_LIBRARY_PATH=' "$tmp/said")" &&
		"$tmp/program"
}

if [ "$(uname -s)" = Linux ]; then
	for name in root_makes_the_cache a_user_is_told_to_make_the_cache \
		a_library_beside_the_loaders_paths_is_found_after_the_line; do
		judge $name $name
	done
fi

echo "[  PASSED  ] $passed test(s)."
[ $failed = 0 ] || echo "[  FAILED  ] $failed test(s), listed below:"
exit $failed
