#!/bin/sh
# A user's program in C++20, consumer.cc, against an installed library found
# with pkg-config: linked with the shared one, and with the archive.  Reports
# two tests in cmocka's words.
cd "$(dirname "$0")/../.." || exit
CXX=${CXX:-g++}
skip() {
	echo "skipped: $*"
	echo '[  PASSED  ] 0 test(s).'
	echo '[  SKIPPED ] 2 test(s), listed below:'
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
${MAKE:-make} -s --no-print-directory install ${B:+B="$B"} \
	DESTDIR="$tmp" PREFIX=/opt/socle || exit

lib=$tmp/opt/socle/lib
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$tmp"
passed=0 failed=0

# try NAME PKG_CONFIG_FLAGS LINKER_FLAGS...
try() {
	name=$1
	flags=$(pkg-config --cflags --libs $2 socle) &&
		echo "$name: $flags" &&
		$CXX -std=c++20 -Wall -Wextra -Wpedantic -Werror \
			-o "$tmp/$name" tests/consumer/consumer.cc $3 $flags $4 &&
		LD_LIBRARY_PATH=$lib "$tmp/$name" &&
		passed=$((passed + 1)) && return
	echo "[  FAILED  ] $name"
	failed=$((failed + 1))
}

try shared '' '' ''
try static --static -Wl,-Bstatic -Wl,-Bdynamic

echo "[  PASSED  ] $passed test(s)."
[ $failed = 0 ] || echo "[  FAILED  ] $failed test(s), listed below:"
exit $failed
