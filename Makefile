# make                 libsocle.a and libsocle.so      make examples, make run
# make test [T=close]  the tests, on every backend     make install, uninstall
# make test-long       with the long campaigns         make lint
# make test-kernels [KERNELS=macos] [T=close]  tests on what other kernels answer
# make test-valgrind   under valgrind                  make clean
# make simulate        random programs on a simulated kernel, RUNS=17000
# make coverage        what the tests reach
# make mutate [T=timers] [N=400]  what the tests would not notice
# make fuzz [T=http] [SECONDS=60]  the parsers, with clang's fuzzer
# make bench [FULL=1]  socle beside its peers          make guard [RECORD=1]
#   LIBUV=DIR LIBEVENT=DIR  installed there, instead of the system's
# make verify [T=httpd]  the servers of examples/, judged by real clients
# make perl            Perl's Danga::Socket on this library, in build/plain/perl
# make verify-perl DANGA=DIR DDLOCK=DIR PERLBAL=DIR DJABBERD=DIR GEARMAN=DIR
#   the test suites of those checkouts, with the genuine module and with ours
# make cross           for other systems and machines, TARGETS="musl i386" alone
# make html            the manual and the documents as a site, in build/html
# make map             the exported names               make abi [RECORD=1]
# make dist distcheck  a tarball of the last commit     make deb
# make stress [SHORT=1] [T=fds]  on the real kernel     make soak [SECONDS=60]
#
# SAN=asan|ubsan|tsan builds a variant of its own in build/$(SAN); LTO=1 one in
# build/plain-lto, whose static library also inlines into programs; WERROR=1
# makes warnings errors; V=1 shows the commands.  USDT=1 builds with probes for
# tracers in build/plain-usdt; it needs sys/sdt.h (Debian: systemtap-sdt-dev).
# CC, CXX, CFLAGS, CPPFLAGS, LDFLAGS, PREFIX and DESTDIR are the user's and are
# never set here.  GNU make.

VERSION := $(shell sed -n 's/^#define SOCLE_VERSION "\(.*\)"/\1/p' reactor/version.h)
SONAME  := libsocle.so.0
# The first version with this number, whose programs run with this one.
SINCE   := 0.1.0

PUBLIC_HEADERS := $(wildcard socle.h timers/timer.h profiling/profile.h \
	reactor/descriptor.h reactor/loop.h reactor/metrics.h reactor/version.h \
	sockets/class.h sockets/socket.h sockets/names/addr.h sockets/names/resolve.h sockets/write/sendfile.h \
	sockets/factory/factory.h sockets/dgram/dgram.h sockets/io/io.h \
	daemon/console.h daemon/service.h daemon/drain.h daemon/restart.h)

# They were in sockets/ itself once, and programs may include them there.
MOVED_HEADERS := $(patsubst sockets/%,%,$(foreach h,$(PUBLIC_HEADERS), \
	$(if $(filter-out sockets/class.h sockets/socket.h,$(filter sockets/%,$h)),$h)))

# The folders of the library, from the most basic up; none includes a later one.
FOLDERS := timers profiling reactor sockets/names sockets sockets/write \
	sockets/factory sockets/dgram sockets/io daemon

SAN ?=
LTO ?=
USDT ?=
COVERAGE ?=
B   := build/$(or $(SAN),$(if $(COVERAGE),coverage),plain)$(if $(LTO),-lto)$(if $(USDT),-usdt)$(if $(filter libkqueue,$(KQUEUE)),-libkqueue)
comma := ,
space := $(subst ,, )

# make has no names with blanks: such a build directory gets a link without.
ifneq ($(words $B),1)
BLANKS := $B
override B := build/$(subst /,_,$(subst $(space),_,$(BLANKS)))
$(shell mkdir -p build '$(BLANKS)' && \
	ln -sfn "$$(cd '$(BLANKS)' && pwd)" '$B')
endif
OS  := $(shell uname -s)
ifeq ($(origin CXX),default)
CXX := $(if $(filter Linux,$(OS)),g++,c++)
endif
INSTALL ?= install

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man

# What the system has.
KQUEUE_OS := Darwin DragonFly FreeBSD NetBSD OpenBSD
ifeq ($(OS),Linux)
FEATURES := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
BACKENDS := epoll poll kqueue
KQUEUE   ?= emulated
else ifneq ($(filter $(OS),$(KQUEUE_OS)),)
FEATURES := $(if $(filter Darwin,$(OS)),-D__APPLE_USE_RFC_3542)
BACKENDS := kqueue poll
else
BACKENDS := poll
endif

# Linux has no kqueue; the tests bring one, so that the backend is tested here.
ifeq ($(KQUEUE),emulated)
KQUEUE_FLAGS := -DSOCLE__HAVE_KQUEUE -DKQUEUE_IS_EMULATED -Itests/kqueue
KQUEUE_SRC   := $(wildcard tests/kqueue/*.c)
else ifeq ($(KQUEUE),libkqueue)
# It keeps fds of its own, and those of a closed queue: no test counts fds then.
# tests/support/libkqueue.c has what else is not as the kernels have it; programs
# that tests start are without that, and are not started.
BACKENDS     := kqueue
KQUEUE_FLAGS := -DSOCLE__HAVE_KQUEUE -DKQUEUE_KEEPS_FDS \
	$(addprefix -isystem ,$(LIBKQUEUE_INCLUDE))
KQUEUE_LIBS  := $(addprefix -L,$(LIBKQUEUE_LIB)) \
	$(addprefix -Wl$(comma)-rpath$(comma),$(LIBKQUEUE_LIB)) -lkqueue
else ifneq ($(KQUEUE),)
$(error KQUEUE=$(KQUEUE): there are emulated and libkqueue)
endif
KQUEUE_SRC   ?= tests/kqueue/kernels.c

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align \
	-Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Wredundant-decls -Wswitch-enum $(if $(WERROR),-Werror)

SAN_asan  := -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_ubsan := -fsanitize=undefined -fno-sanitize-recover=all
SAN_tsan  := -fsanitize=thread
ifneq ($(SAN),)
ifeq ($(SAN_$(SAN)),)
$(error SAN=$(SAN): there are asan, ubsan and tsan)
endif
SAN_FLAGS := $(SAN_$(SAN)) -fno-omit-frame-pointer
CHECKS    := -DSOCLE_CHECKS
endif

# Which lines and branches the tests reach; for tools/coverage.
ifneq ($(COVERAGE),)
COVERAGE_FLAGS := -O0 -DCOVERAGE --coverage -fprofile-update=atomic
COVERAGE_LINK  := --coverage
# What a program that ends so has counted; tests/support/coverage.c.
COVERAGE_WRAP  := -Wl,--wrap=_exit,--wrap=raise
endif

# The static library can be linked with and without LTO: its objects have both.
ifneq ($(LTO),)
LTO_FLAGS := -flto=auto -ffat-lto-objects -DSOCLE_LTO
ifeq ($(origin AR),default)
AR := $(if $(shell command -v $(CC)-ar),$(CC)-ar,gcc-ar)
endif
endif

# Static probes; reactor/probes.h.
ifneq ($(USDT),)
PROBES := -DSOCLE_USDT
endif

ALL_CPPFLAGS = $(FEATURES) $(CHECKS) $(PROBES) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 -O2 -g -fPIC -fvisibility=hidden \
	-fno-plt -fstack-protector-strong $(WARN) $(SAN_FLAGS) $(LTO_FLAGS) $(COVERAGE_FLAGS) $(CFLAGS)
ALL_LDFLAGS  = $(SAN_FLAGS) $(COVERAGE_LINK) $(if $(LTO),-O2 $(LTO_FLAGS)) $(LDFLAGS)
ALL_LIBS     = -pthread
SEAM         := -DSOCLE_SEAM_TEST -USOCLE_CHECKS -DSOCLE_CHECKS $(KQUEUE_FLAGS)

# What there is to build: the library twice, as it is installed and bound to
# the seam, where tests can count and spoil its system calls.
LIB_SRC  := $(sort $(wildcard $(FOLDERS:%=%/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$B/%.o)
SEAM_OBJ := $(LIB_SRC:%.c=$B/seam/%.o)

# An example and its test need OpenSSL, of this system and for this compiler;
# else they are left out.
ifneq ($(shell pkg-config --exists openssl 2>/dev/null && \
	echo 'int main(void) { return !TLS_method(); }' | \
	$(CC) $(CPPFLAGS) $(CFLAGS) -include openssl/ssl.h -x c - $(LDFLAGS) \
	$$(pkg-config --cflags --libs openssl) -o /dev/null 2>/dev/null && echo yes),)
TLS_CFLAGS := $(shell pkg-config --cflags openssl)
TLS_LIBS   := $(shell pkg-config --libs openssl)
endif

# The tests know the place of each call of the library.
SITES := -include tests/support/sites.h
$(SEAM_OBJ): SEAM += $(SITES)

KQUEUE_OBJ  := $(KQUEUE_SRC:%.c=$B/kqueue/%.o)
SUPPORT_OBJ := $(patsubst %.c,$B/seam/%.o,$(wildcard tests/support/*.c))
TEST_DIRS   := $(addprefix tests/,$(FOLDERS) examples reentrancy sweep fuzz)
TEST_SRC    := $(sort $(wildcard $(TEST_DIRS:%=%/test_$(T)*.c)))
TEST_NAMES  := $(filter-out $(if $(filter $(KQUEUE),emulated),,test_kqueue_%) \
	$(if $(filter $(KQUEUE),libkqueue),test_tutorial test_chat% test_dnsd% test_httpd% \
	test_examples% test_prefork% test_proxy% test_ddlockd% test_memcached% \
	test_threads%) \
	$(if $(TLS_LIBS),,test_examples_keys), \
	$(sort $(basename $(notdir $(TEST_SRC)))))
TEST_BIN    := $(TEST_NAMES:%=$B/tests/%)
TEST_OBJ    := $(TEST_SRC:%.c=$B/seam/%.o)

# The simulated kernel, what imitates other kernels on it, and the model.
SIM_SRC := $(wildcard tests/sim/*.c tests/model/*.c) \
	$(if $(filter emulated,$(KQUEUE)),$(KQUEUE_SRC) tests/support/kernel_calls.c)
SIM_OBJ := $(SIM_SRC:%.c=$B/sim/%.o)
# The model on the real kernel.
REAL_OBJ := $(patsubst %.c,$B/real/%.o,$(wildcard tests/model/*.c)) \
	$(patsubst %.c,$B/seam/%.o,$(wildcard tests/model/real/*.c)) \
	$(addprefix $B/seam/tests/support/,faults.o site_faults.o waiting.o \
	kernel_calls.o)

EXAMPLE_SRC := $(filter-out $(if $(TLS_LIBS),,examples/tls-echo.c), \
	$(wildcard examples/*.c))
EXAMPLES := $(EXAMPLE_SRC:%.c=$B/%)
COMMON   := $(wildcard examples/common/*.[ch])
KQUEUE_EXAMPLES := $(EXAMPLE_SRC:%.c=$B/kqueue/%)
STRESS_SRC := $(if $(filter Linux,$(OS)),$(wildcard tests/stress/stress_$(T)*.c))
STRESS   := $(sort $(basename $(notdir $(STRESS_SRC))))
ALL_BENCH := $(if $(filter Linux,$(OS)),$(patsubst %.c,$B/%,$(wildcard bench/*.c)))
PEERS    := $(filter %-libev %-libevent %-bufferevent %-libuv,$(ALL_BENCH))
BENCHES  := $(filter-out $(PEERS),$(ALL_BENCH))
MAN3     := $(wildcard docs/*.3)
MAN7     := $(wildcard docs/*.7)

STATIC := $B/libsocle.a
ifneq ($(OS),Darwin)
SHARED := $B/libsocle.so.$(VERSION)
LINKS  := $B/$(SONAME) $B/libsocle.so
endif

all: $(STATIC) $(SHARED) $(LINKS)
.PHONY: all tests test test-long test-kernels test-valgrind examples benches bench \
	stress soak simulate peers guard run install uninstall lint clean cmocka cross \
	coverage fuzz mutate mutants defects verify \
	perl perl-needs verify-perl map html abi dist distcheck deb
.DELETE_ON_ERROR:
MAKEFLAGS += -r

Q   := $(if $(V),,@)
quoted = '$(subst ','\'',$1)'
say  = $(if $(V),@:,@printf '  %-7s %s\n' $1 '$2')

# Other flags, or another set of sources, rebuild everything; where coverage is
# counted another place does too, for the objects name their files with counts.
FLAGS := $(strip $(CC) $(ALL_CPPFLAGS) $(KQUEUE_FLAGS) $(SITES) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIB_SRC) \
	$(if $(COVERAGE),$(CURDIR)))
ifneq ($(FLAGS),$(shell cat $B/flags 2>/dev/null))
$(shell mkdir -p $B && printf '%s\n' $(call quoted,$(FLAGS)) >$B/flags)
endif

$B/%.o: %.c $B/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP -I. $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$B/seam/%.o: %.c $B/flags
	$(call say,CC,$< (seam))
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP -I. $(ALL_CPPFLAGS) $(SEAM) $(ALL_CFLAGS) -c -o $@ $<

# Its system calls are those of the simulated kernel.
$B/sim/%.o: %.c $B/flags
	$(call say,CC,$< (sim))
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP -I. $(ALL_CPPFLAGS) $(SEAM) $(ALL_CFLAGS) \
		-include tests/sim/libc.h -c -o $@ $<

$B/model: $(SIM_OBJ) $(SEAM_OBJ)
	$(call say,LD,$@)
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)

$B/real/%.o: %.c $B/flags
	$(call say,CC,$< (real))
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP -I. $(ALL_CPPFLAGS) $(SEAM) $(ALL_CFLAGS) \
		-include tests/model/real/libc.h -c -o $@ $<

$B/model-real: $(REAL_OBJ) $B/libsocle-seam.a
	$(call say,LD,$@)
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(KQUEUE_LIBS) $(ALL_LIBS)

# About 600 operations each; a hundredth of them on the real kernel.
RUNS ?= 17000
MODEL := --jobs=$$(getconf _NPROCESSORS_ONLN)
simulate: $B/model $B/model-real
	$Q$< $(MODEL) --runs=$(RUNS)
	$Q$B/model-real $(MODEL) --runs=$$(($(RUNS) / 100))

# Whether the model sees each planted defect: minutes.  T=NAME: one of them.
defects:
	+@MAKE='$(MAKE)' tools/defects $(T)

# As it would be installed on a system with a kqueue.
$B/kqueue/%.o: %.c $B/flags
	$(call say,CC,$< (kqueue))
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP -I. $(ALL_CPPFLAGS) $(KQUEUE_FLAGS) $(ALL_CFLAGS) \
		-c -o $@ $<

$B/libsocle.a: $(LIB_OBJ)
$B/libsocle-seam.a: $(SEAM_OBJ) $(KQUEUE_OBJ)
$B/kqueue/libsocle.a: $(LIB_SRC:%.c=$B/kqueue/%.o) $(KQUEUE_OBJ)
$B/%.a: $B/flags
	$(call say,AR,$@)
	@rm -f $@
	$Q$(AR) rcs $@ $(filter %.o,$^)

$(SHARED): $(LIB_OBJ) libsocle.map $B/flags
	$(call say,LD,$@)
	$Q$(CC) -shared -Wl,-soname,$(SONAME) -Wl,-z,relro,-z,now \
		-Wl,--version-script=libsocle.map \
		$(ALL_LDFLAGS) -o $@ $(LIB_OBJ) $(ALL_LIBS)

# The names that the sources export now, in libsocle.map.
map: $(LIB_OBJ)
	$Qtools/symbol-map libsocle.map $(LIB_OBJ) >$B/map
	$Qcp $B/map libsocle.map

$(LINKS): $(SHARED)
	@ln -sf $(<F) $@

# The tests.  tools/need installs what is missing, or says how.
cmocka:
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' tools/need cmocka.h libcmocka-dev

$(TEST_OBJ) $(SUPPORT_OBJ): | cmocka

# A test's program lies in $B/tests, whatever the folder of its source.
define test_program
$B/tests/$(basename $(notdir $1)): $(1:%.c=$B/seam/%.o)
endef
$(foreach t,$(TEST_SRC),$(eval $(call test_program,$t)))

$(TEST_BIN): $(SUPPORT_OBJ) $B/libsocle-seam.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_LDFLAGS) $(COVERAGE_WRAP) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		-lcmocka $(KQUEUE_LIBS) $(ALL_LIBS)

# A user's program in C++, against an installed library.
ifeq ($(SAN)$(T:consumer=),)
CONSUMER := $(if $(wildcard tests/consumer/consumer.cc),consumer)
endif

RUN_TESTS = B='$B' EXAMPLES='$B/examples' \
	KQUEUE_EXAMPLES='$B$(if $(KQUEUE),/kqueue)/examples' BACKENDS='$(BACKENDS)' \
	CC='$(CC)' CXX='$(CXX)' MAKE='$(MAKE)' tools/run-tests

SITE := $B/site
TUTORIAL := $B/examples/tutorial

SWEEP_OBJ := $(patsubst %.c,$B/seam/%.o,$(filter-out $(TEST_SRC), \
	$(wildcard tests/sweep/*.c)))
$B/tests/test_sweep: $(SWEEP_OBJ)

# Some test an example's part, or start examples.
HTTP_OBJ := $B/seam/examples/common/http.o $B/seam/examples/common/http_values.o
$B/seam/examples/%.o $B/seam/tests/examples/%.o: ALL_CPPFLAGS += -Iexamples
$B/tests/test_http $B/tests/test_http_values: $(HTTP_OBJ)

DNSD_PARTS := $(addprefix $B/seam/examples/dnsd/,answer.o frames.o hosts.o \
	message.o name.o)
$B/tests/test_dnsd_hosts: $(addprefix $B/seam/examples/dnsd/,hosts.o name.o)

# The re-entrancy table has its kinds and operations in files of their own.
TABLE_OBJ := $(patsubst %.c,$B/seam/%.o, \
	$(filter-out $(wildcard tests/reentrancy/test_*.c), \
	$(wildcard tests/reentrancy/*.c)))
$(TABLE_OBJ): | cmocka
$B/tests/test_reentrancy $B/tests/test_reentrancy_two: $(TABLE_OBJ)
-include $(TABLE_OBJ:.o=.d)

# A client that asks for new keys needs OpenSSL itself.
$B/seam/tests/examples/test_examples_keys.o: ALL_CPPFLAGS += $(TLS_CFLAGS)
$B/tests/test_examples_keys: ALL_LIBS += $(TLS_LIBS)

STARTERS := test_httpd% test_chat% test_examples% test_ddlockd% test_dnsd% \
	test_memcached% test_prefork% test_proxy% test_threads% test_tutorial
tests: $(TEST_BIN) $(if $(filter $(STARTERS),$(TEST_NAMES)), \
	$(EXAMPLES) $(if $(KQUEUE),$(KQUEUE_EXAMPLES)) $(SITE)/.ok) \
	$(if $(filter test_tutorial,$(TEST_NAMES)),$(TUTORIAL)/.ok)

test: tests $(if $(CONSUMER),all)
	$Q$(RUN_TESTS) $(TEST_NAMES) $(KERNEL_RUNS) $(CONSUMER)

test-long: tests $(if $(CONSUMER),all)
	$Q SOCLE_TEST_LONG=1 TEST_TIMEOUT=$(or $(TEST_TIMEOUT),1800) \
		$(RUN_TESTS) $(TEST_NAMES) $(KERNEL_RUNS) $(CONSUMER)

# On what the kernels of tests/kqueue/kernels.c answer: tests of what depends on
# it, on their kqueue; and a few on their poll(2).
KERNELS      := freebsd netbsd openbsd macos
POLL_TESTS   := $(addprefix test_,conformance% close interest pipe_ends timeouts \
	factory_listen)
KERNEL_TESTS := $(filter $(addprefix test_,conformance% hold_back dispatch close \
	other_fds interest kqueue_ends pipe_ends timeouts dgram_% listen% connect% \
	factory% write% reentrancy), \
	$(TEST_NAMES))
KERNEL_RUNS  := $(if $(filter emulated,$(KQUEUE)),$(foreach k,$(KERNELS), \
	$(KERNEL_TESTS:%=%.kqueue.$k) \
	$(patsubst %,%.poll.$k,$(filter $(POLL_TESTS),$(KERNEL_TESTS)))))

test-kernels: $(KERNEL_TESTS:%=$B/tests/%)
	$(if $(filter emulated,$(KQUEUE)),,$(error a kernel answers for itself here))
	$Q OUT='$B/tests/kernels' $(RUN_TESTS) $(KERNEL_RUNS)

test-valgrind: tests
	$(if $(SAN),$(error valgrind and SAN=$(SAN) exclude each other))
	@tools/need valgrind valgrind
	$Q SOCLE_TEST_SCALE=0.1 TEST_TIMEOUT=$(or $(TEST_TIMEOUT),900) \
		UNDER=valgrind $(RUN_TESTS) $(TEST_NAMES)

coverage:
	+@MAKE='$(MAKE)' tools/coverage

# T, which else selects tests, is what to change.
mutate:
	@tools/need python3 python3 ld.gold binutils
	+@$(MAKE) --no-print-directory T= WHAT='$(T)' mutants
mutants:
	+@CC='$(CC)' MAKE='$(MAKE)' WHAT='$(WHAT)' FOLDERS='$(FOLDERS)' BACKENDS='$(BACKENDS)' \
		KERNEL_RUNS='$(KERNEL_RUNS)' FLAGS='$(ALL_CPPFLAGS) $(SEAM)' \
		tools/mutate

fuzz:
	@T='$(T)' SECONDS='$(SECONDS)' fuzz/run

TARGETS ?= musl i386 aarch64 s390x x86_64-macos aarch64-macos
cross:
	+@MAKE='$(MAKE)' tools/cross $(TARGETS)

# The examples are built as a user builds: against an installed library.
STAGE := $B/stage
$(STAGE)/.ok: $(STATIC) $(SHARED) $(PUBLIC_HEADERS) $(MAN3) $(wildcard socle*.in) Makefile
	@rm -rf $(STAGE)
	@$(MAKE) -s --no-print-directory install DESTDIR=$(STAGE) PREFIX=/usr \
		LIBDIR=/usr/lib INCLUDEDIR=/usr/include MANDIR=/usr/share/man
	@touch $@

$(EXAMPLES): $B/%: %.c $(STAGE)/.ok
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) -I$(STAGE)/usr/include -Iexamples $(ALL_CPPFLAGS) $(ALL_CFLAGS) \
		$(ALL_LDFLAGS) -o $@ $(filter %.c,$^) \
		$(STAGE)/usr/lib/libsocle.a $(ALL_LIBS)

# The benchmarks and the peers as their users build: -O2, and nothing of ours.
$(ALL_BENCH): $B/%: %.c $(STAGE)/.ok
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) -I$(STAGE)/usr/include $(ALL_CPPFLAGS) -std=c11 -O2 $(WARN) \
		$(CFLAGS) $(SAN_FLAGS) $(LTO_FLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) \
		$(STAGE)/usr/lib/libsocle.a $(ALL_LIBS)

# The programs under stress are a user's too, and so is their load, of Linux.
STRESS_PARTS := $(filter-out tests/stress/stress_% %/soak.c,$(wildcard tests/stress/*.c))
$(addprefix $B/tests/,$(STRESS) soak): $B/tests/%: tests/stress/%.c $(STRESS_PARTS) \
		$(wildcard tests/stress/*.h) $(STAGE)/.ok
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) -I$(STAGE)/usr/include $(ALL_CPPFLAGS) $(ALL_CFLAGS) \
		$(ALL_LDFLAGS) -o $@ $(filter %.c,$^) \
		$(STAGE)/usr/lib/libsocle.a $(ALL_LIBS)

# On every backend of the installed library; the short form on the first.  One
# program at a time: its load and its figures need the machine.
stress: BACKENDS := $(if $(filter Linux,$(OS)),epoll $(if $(SHORT),,poll))
stress: $(STRESS:%=$B/tests/%)
	$Q OUT='$B/stress' JOBS=1 STRESS_SHORT='$(SHORT)' \
		TEST_TIMEOUT=$(or $(TEST_TIMEOUT),7200) $(RUN_TESTS) $(STRESS)

SECONDS ?= 3600
SOAK := $(if $(filter Linux,$(OS)),soak)
soak: $(SOAK:%=$B/tests/%)
	$Q OUT='$B/soak' SOAK_SECONDS='$(SECONDS)' \
		TEST_TIMEOUT=$$(($(SECONDS) + 900)) $(RUN_TESTS) $(SOAK)

# For the tests that start them, on the kqueue that the tests bring.
$(KQUEUE_EXAMPLES): $B/kqueue/examples/%: examples/%.c $B/kqueue/libsocle.a \
		$(STAGE)/.ok
	$(call say,CC,$< (kqueue))
	@mkdir -p $(@D)
	$Q$(CC) -I$(STAGE)/usr/include -Iexamples $(ALL_CPPFLAGS) $(ALL_CFLAGS) \
		$(ALL_LDFLAGS) -o $@ $(filter %.c,$^) \
		$B/kqueue/libsocle.a $(KQUEUE_LIBS) $(ALL_LIBS)

# The servers have a folder of parts beside them, and share some parts.
SERVERS := ddlockd dnsd httpd memcached proxy
define server
$B/examples/$1 $B/kqueue/examples/$1: $(wildcard examples/$1/*.[ch]) $(COMMON)
endef
$(foreach s,$(SERVERS),$(eval $(call server,$s)))

$(foreach d,$B $B/kqueue,$(addprefix $d/examples/,prefork threads)): \
	$(wildcard examples/common/hello.[ch] examples/common/server.[ch])

$B/examples/tls-echo $B/kqueue/examples/tls-echo: ALL_CPPFLAGS += $(TLS_CFLAGS)
$B/examples/tls-echo $B/kqueue/examples/tls-echo: ALL_LIBS += $(TLS_LIBS)

# What docs/tutorial.md lists, one folder for each of its steps.
$(TUTORIAL)/.ok: docs/tutorial.md tools/tutorial.awk $(STAGE)/.ok
	$(call say,CC,docs/tutorial.md)
	@rm -rf $(TUTORIAL)
	@awk -v dir=$(TUTORIAL) -f tools/tutorial.awk docs/tutorial.md
	+$Qfor step in 1/hello 3/tallyd 4/tallyd 5/tallyd 6/tallyd; do \
		MAKEFLAGS= $(MAKE) -s --no-print-directory -C $(TUTORIAL)/$${step%/*} \
			CC='$(CC)' CFLAGS='-I$(abspath $(STAGE))/usr/include \
			$(ALL_CPPFLAGS) $(ALL_CFLAGS)' LDFLAGS='$(ALL_LDFLAGS)' \
			LDLIBS='$(abspath $(STAGE))/usr/lib/libsocle.a $(ALL_LIBS)' \
			$${step#*/} || exit; done
	@touch $@

examples: $(EXAMPLES)

# Perl's Danga::Socket on this library: perl -I$B/perl.  Perl's own flags, and
# the names of the library stay inside.
PERL ?= perl
perl_config = $(shell $(PERL) -MConfig -e 'print $$Config{$1}')
PERL_CORE   = $(call perl_config,archlibexp)/CORE
PERL_SRC    := $(wildcard perl/*.c)
PERL_OBJ    := $(PERL_SRC:%.c=$B/%.o) $B/perl/Socket.o
PERL_MODULE := $B/perl/auto/Danga/Socket/Socket.so $B/perl/Danga/Socket.pm

perl: $(PERL_MODULE)

perl-needs:
	@tools/need $(PERL) perl && tools/need '$(PERL_CORE)/perl.h' libperl-dev

$B/perl/Socket.c: perl/Socket.xs perl/typemap | perl-needs
	$(call say,XS,$<)
	@mkdir -p $(@D)
	$Q$(PERL) '$(call perl_config,privlibexp)/ExtUtils/xsubpp' \
		-typemap '$(abspath perl/typemap)' $< >$@

$(PERL_SRC:%.c=$B/%.o): $B/%.o: %.c
$B/perl/Socket.o: $B/perl/Socket.c
$(PERL_OBJ): $(STAGE)/.ok | perl-needs
	$(call say,CC,$(filter %.c,$^))
	@mkdir -p $(@D)
	$Q$(CC) -MMD -MP $(call perl_config,ccflags) $(CPPFLAGS) -O2 -g -fPIC \
		$(if $(filter perl/%,$<),$(WARN) -Wno-pedantic -Wno-sign-conversion) \
		$(CFLAGS) -Iperl -I$(STAGE)/usr/include -isystem '$(PERL_CORE)' \
		-c -o $@ $(filter %.c,$^)

$B/perl/auto/Danga/Socket/Socket.so: $(PERL_OBJ) $(STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(call perl_config,lddlflags) -Wl,--exclude-libs,ALL $(LDFLAGS) \
		-o $@ $(PERL_OBJ) $(STAGE)/usr/lib/libsocle.a $(ALL_LIBS)

$B/perl/Danga/Socket.pm: perl/Danga/Socket.pm
	@mkdir -p $(@D)
	@cp $< $@

-include $(PERL_OBJ:.o=.d)

# Its tests, and those of its users, on the genuine module and on ours.
verify-perl: $(PERL_MODULE) $B/bench/load
	$QB='$B' DANGA='$(DANGA)' DDLOCK='$(DDLOCK)' PERLBAL='$(PERLBAL)' \
		DJABBERD='$(DJABBERD)' GEARMAN='$(GEARMAN)' \
		GEARMAN_SERVER='$(GEARMAN_SERVER)' tests/verify/perl

# The servers, judged by real clients, which are installed if they are missing.
verify: $(EXAMPLES)
	$QB='$B' tests/verify/run $T

$B/tests/test_proxy_headers: $B/seam/examples/common/proxy_header.o
$B/seam/tests/examples/test_proxy_headers.o: ALL_CPPFLAGS += -I$(STAGE)/usr/include
$B/seam/tests/examples/test_proxy_headers.o: | $(STAGE)/.ok

# All fuzz targets are in one program; two of them contain an example, and some
# test an example's parts.
FUZZ_OBJ := $(patsubst %.c,$B/seam/%.o,$(filter-out fuzz/seam.c \
	fuzz/standalone.c,$(wildcard fuzz/*.c)) $(wildcard examples/common/*.c \
	examples/ddlockd/*.c examples/memcached/*.c)) $(DNSD_PARTS)
$B/tests/test_fuzz: $(FUZZ_OBJ)
$B/seam/fuzz/%.o: ALL_CPPFLAGS += -DLLVMFuzzerTestOneInput=$(*F) \
	-I$(STAGE)/usr/include -Iexamples
$B/seam/examples/%.o: ALL_CPPFLAGS += -I$(STAGE)/usr/include -Iexamples
$(FUZZ_OBJ): | $(STAGE)/.ok

# The benchmarks: what needs nothing but socle, and then the peers.
benches: $(BENCHES)
$(ALL_BENCH): $(wildcard bench/*.h)
$(PEERS): $B/peers | peers
$B/bench/%-libev: ALL_LIBS += -lev
$B/bench/%-libevent $B/bench/%-bufferevent: \
	ALL_LIBS += $(call installed,$(LIBEVENT)) -levent_core
$B/bench/%-libuv: ALL_LIBS += $(call installed,$(LIBUV)) -luv
installed = $(if $1,-I$(abspath $1)/include -L$(abspath $1)/lib \
	-Wl$(comma)-rpath$(comma)$(abspath $1)/lib)

# Peers installed elsewhere are another build.
OUTSIDE := $(strip LIBUV=$(LIBUV) LIBEVENT=$(LIBEVENT))
ifneq ($(OUTSIDE),$(shell cat $B/peers 2>/dev/null))
$(shell mkdir -p $B && echo $(call quoted,$(OUTSIDE)) >$B/peers)
endif

peers:
	@CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' $(OUTSIDE) bench/need-peers

bench: $(BENCHES) $(PEERS)
	$QB='$B' FULL='$(FULL)' CC='$(CC)' MAKE='$(MAKE)' $(OUTSIDE) bench/run

# Instructions and system calls against what they were; RECORD=1 for new ones.
guard: benches
	+$Q$(MAKE) --no-print-directory LTO=1 B='$B-lto' benches
	+$Q$(MAKE) --no-print-directory CPPFLAGS='$(CPPFLAGS) -DSOCLE__UNCOUNTED' \
		B='$B-uncounted' benches
	$QB='$B' CC='$(CC)' bench/guard $(if $(RECORD),record)

# The documents as pages, where the system can make some: what httpd serves.
PAGES := $(wildcard *.md docs/* docs/*/* tools/site/*) $(PUBLIC_HEADERS)
$(SITE)/.ok: $(PAGES)
	$(call say,SITE,$(SITE))
	@LIVE=1 tools/site/make $(SITE) $(PUBLIC_HEADERS)
	@touch $@

# The same for any web server, or none: build/html.  No link in it is broken.
html:
	@tools/need mandoc mandoc cmark-gfm cmark-gfm
	$(call say,SITE,build/html)
	$Qtools/site/make build/html $(PUBLIC_HEADERS)
	$Qtools/site/check-links build/html

PORT ?= 8080
CONSOLE_PORT ?= 8081
run: $B/examples/httpd $(SITE)/.ok
	$< --port=$(PORT) --root=$(SITE) --profile=cpu \
		--console=127.0.0.1:$(CONSOLE_PORT)

# pkg-config wants blanks escaped, and sed the backslash; cmake does not.
blanks = $(subst $(space),\\ ,$1)
as_is  = $1
fill   = sed -e 's|@PREFIX@|$(call $1,$(PREFIX))|' -e 's|@LIBDIR@|$(call $1,$(LIBDIR))|' \
	-e 's|@INCLUDEDIR@|$(call $1,$(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|' \
	-e 's|@SONAME@|$(SONAME)|' -e 's|@SINCE@|$(SINCE)|'
CMAKE_FILES := socle-config.cmake socle-config-version.cmake

install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$Q$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(LIBDIR)/cmake/socle'
	$Q$(INSTALL) -m 644 $(STATIC) $(SHARED) '$(DESTDIR)$(LIBDIR)'
	$Qfor f in $(notdir $(LINKS)); do \
		ln -sf $(notdir $(SHARED)) '$(DESTDIR)$(LIBDIR)'/$$f; done
	$Q$(call fill,blanks) socle.pc.in >'$(DESTDIR)$(LIBDIR)/pkgconfig/socle.pc'
	$Qfor f in $(CMAKE_FILES); do \
		$(call fill,as_is) $$f.in >'$(DESTDIR)$(LIBDIR)'/cmake/socle/$$f || \
			exit 1; done
	$Qfor f in $(PUBLIC_HEADERS); do \
		d='$(DESTDIR)$(INCLUDEDIR)'/socle/$$(dirname $$f); \
		$(INSTALL) -d "$$d" && $(INSTALL) -m 644 $$f "$$d" || exit 1; done
	$Qfor f in $(MOVED_HEADERS); do \
		printf '#include "%s"\n' "$$f" > \
			'$(DESTDIR)$(INCLUDEDIR)'/socle/sockets/$$(basename $$f); done
	$Qfor f in $(MAN3) $(MAN7); do \
		d='$(DESTDIR)$(MANDIR)'/man$${f##*.}; \
		$(INSTALL) -d "$$d" && $(INSTALL) -m 644 $$f "$$d" || exit 1; done
	$Qtools/man-names $(MAN3) | while read -r name page; do \
		[ $$name = $$page ] || \
			ln -sf $$page '$(DESTDIR)$(MANDIR)'/man3/$$name || exit 1; done
	$Q$(if $(DESTDIR),:,$(if $(filter Linux,$(OS)),tools/cache-library '$(LIBDIR)'))

uninstall:
	$Qcd '$(DESTDIR)$(LIBDIR)' && rm -f pkgconfig/socle.pc \
		$(CMAKE_FILES:%=cmake/socle/%) $(notdir $(STATIC) $(SHARED) $(LINKS)); \
		rmdir cmake/socle 2>/dev/null; :
	$Qcd '$(DESTDIR)$(INCLUDEDIR)' && (cd socle && rm -f $(PUBLIC_HEADERS) \
		$(addprefix sockets/,$(notdir $(MOVED_HEADERS)))); \
		rmdir socle/sockets/* socle/* socle 2>/dev/null; :
	$Qtools/man-names $(MAN3) | while read -r name page; do \
		rm -f '$(DESTDIR)$(MANDIR)'/man3/$$name; done
	$Q$(if $(MAN3)$(MAN7),cd '$(DESTDIR)$(MANDIR)' && \
		rm -f $(MAN3:docs/%=man3/%) $(MAN7:docs/%=man7/%))

lint: $(LIB_OBJ) $(STAGE)/.ok
	$QB='$B' CC='$(CC)' CXX='$(CXX)' CPPFLAGS='-I. $(ALL_CPPFLAGS)' \
		FEATURES='$(FEATURES)' WARN='$(WARN)' SHARED='$(SHARED)' \
		LIB_OBJ='$(LIB_OBJ)' \
		KQUEUE_FLAGS='$(KQUEUE_FLAGS)' LIB_SRC='$(LIB_SRC)' FOLDERS='$(FOLDERS)' \
		PUBLIC_HEADERS='$(PUBLIC_HEADERS)' tools/lint

# Whether programs that are linked with the recorded interface run with this one;
# RECORD=1 records it.
abi: $(STAGE)/.ok
	$QCC='$(CC)' FEATURES='$(FEATURES)' STAGE='$(STAGE)' WORK='$B/abi' \
		tools/abi/check $(if $(RECORD),record)

# A tarball of the last commit, and whether it is good.
DIST := build/dist/socle-$(VERSION).tar.gz
dist:
	@mkdir -p $(dir $(DIST))
	$(call say,DIST,$(DIST))
	$Qtools/dist $(DIST)

distcheck: dist
	+$QMAKE='$(MAKE)' tools/distcheck $(DIST)

# Debian's packages, of the tarball.
deb: dist
	$QCC='$(CC)' tools/deb $(DIST) build/deb

clean:
	rm -rf build

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(SEAM_OBJ) $(SUPPORT_OBJ) $(TEST_OBJ) \
	$(FUZZ_OBJ) $(LIB_SRC:%.c=$B/kqueue/%.o) $(KQUEUE_OBJ) $(SIM_OBJ) \
	$(REAL_OBJ) $(SWEEP_OBJ))
