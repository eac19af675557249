#!/bin/sh
# A user's programs, in C and in C++20, against an installed library found with
# pkg-config and with CMake, if it is there: linked with the shared one, and with
# the archive, also where PREFIX has a blank.  Without DESTDIR "make install"
# leaves a program that starts, or says what to type.  Reports its tests in
# cmocka's words.
cd "$(dirname "$0")/../.." || exit
CC=${CC:-cc} CXX=${CXX:-g++}
skip() {
	echo "skipped: $*"
	echo '[  PASSED  ] 0 test(s).'
	echo '[  SKIPPED ] 1 test(s), listed below:'
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
. tests/consumer/programs

# install_at PREFIX [DESTDIR]; pkg-config, CMake and the loader find it there.
install_at() {
	lib=$2$1/lib
	export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$2" \
		CMAKE_PREFIX_PATH="$2$1"
	${MAKE:-make} -s --no-print-directory install ${B:+B="$B"} \
		DESTDIR="$2" PREFIX="$1"
}

there() {
	export LD_LIBRARY_PATH="$lib"
	every_program by_pkg_config "$1"
	if command -v cmake >/dev/null; then
		with_cmake "$1"
	fi
	unset LD_LIBRARY_PATH
}

for prefix in /opt/socle '/opt/so cle'; do
	install_at "$prefix" "$tmp" || exit
	there "in $prefix"
done

# With the headers and the library apart, somewhere else than was said.
apart_and_moved() {
	${MAKE:-make} -s --no-print-directory install ${B:+B="$B"} \
		DESTDIR="$tmp/stage" PREFIX=/usr LIBDIR=/usr/lib/this-machine \
		INCLUDEDIR=/usr/include/these && mv "$tmp/stage" "$tmp/moved" &&
		socle_DIR=$tmp/moved/usr/lib/this-machine/cmake/socle configure
}

nothing_is_left() {
	${MAKE:-make} -s --no-print-directory uninstall ${B:+B="$B"} \
		DESTDIR="$tmp" PREFIX="$prefix" &&
		[ -z "$(find "$tmp$prefix" ! -type d)" ] &&
		[ ! -e "$lib/cmake/socle" ] && [ ! -e "$tmp$prefix/include/socle" ]
}

! command -v cmake >/dev/null || judge apart_and_moved apart_and_moved
judge nothing_is_left nothing_is_left

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
		compile "$tmp/program" consumer.cc \
			"$(pkg-config --cflags --libs socle)" &&
		eval "$(grep '^	export LD_LIBRARY_PATH=' "$tmp/said")" &&
		"$tmp/program"
}

if [ "$(uname -s)" = Linux ]; then
	for name in root_makes_the_cache a_user_is_told_to_make_the_cache \
		a_library_beside_the_loaders_paths_is_found_after_the_line; do
		judge $name $name
	done
fi

report
exit $failed
