#!/bin/sh -eu
# build.sh: builds the fuzz targets as OSS-Fuzz does.  It sets
#   CC CXX CFLAGS CXXFLAGS   the compilers and their flags
#   LIB_FUZZING_ENGINE       what to link the targets with
#   SRC                      the sources are in $SRC/socle; unset: above here
#   WORK OUT                 for objects; for targets, dictionaries, seed corpora
# `make fuzz' runs it as well.
top=${SRC:+$SRC/socle}
top=${top:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$top"
flags="-std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSOCLE_SEAM_TEST -I. -Iexamples"

mkdir -p "$WORK/include" "$OUT"
ln -sfn "$top" "$WORK/include/socle"

# compile FILE...: leaves the objects' names in $objects
compile() {
	objects=
	for f; do
		o=$WORK/$(echo "${f%.c}" | tr / _).o
		$CC $CFLAGS $flags -I"$WORK/include" -c -o "$o" "$f"
		objects="$objects $o"
	done
}

compile timers/*.c profiling/*.c reactor/*.c sockets/*.c sockets/*/*.c daemon/*.c \
	examples/common/*.c examples/ddlockd/*.c examples/memcached/*.c \
	examples/dnsd/answer.c examples/dnsd/frames.c examples/dnsd/hosts.c \
	examples/dnsd/message.c examples/dnsd/name.c \
	fuzz/common.c fuzz/served.c fuzz/seam.c
rm -f "$WORK/libsocle.a"
${AR:-ar} rcs "$WORK/libsocle.a" $objects

# The random programs of tests/model, on the simulated kernel: the library with a
# kqueue, and the rest with that kernel's calls in place of libc's.
WORK=$WORK/model
mkdir -p "$WORK"
plain=$flags
flags="$plain -DSOCLE_CHECKS -DSOCLE__HAVE_KQUEUE -DKQUEUE_IS_EMULATED"
flags="$flags -Itests/kqueue"
compile timers/*.c profiling/*.c reactor/*.c sockets/*.c sockets/*/*.c daemon/*.c
library=$objects
flags="$flags -include tests/sim/libc.h"
programs=
for f in tests/model/*.c; do
	[ "$f" = tests/model/main.c ] || programs="$programs $f"
done
compile tests/sim/*.c tests/kqueue/*.c tests/support/kernel_calls.c $programs \
	tests/model/fuzz/fuzz_model.c
$CXX $CXXFLAGS -o "$OUT/fuzz_model" $library $objects $LIB_FUZZING_ENGINE \
	-pthread
flags=$plain
WORK=${WORK%/model}

for target in fuzz/fuzz_*.c; do
	name=$(basename "$target" .c)
	compile "$target"
	$CXX $CXXFLAGS -o "$OUT/$name" $objects $LIB_FUZZING_ENGINE \
		"$WORK/libsocle.a" -pthread
	[ ! -e "fuzz/$name.dict" ] || cp "fuzz/$name.dict" "$OUT"
	rm -f "$OUT/${name}_seed_corpus.zip"
	command -v zip >/dev/null || continue
	zip -qj "$OUT/${name}_seed_corpus.zip" "fuzz/corpus/$name"/*
done
