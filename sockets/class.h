/*
 * Classes: the methods that the library calls when something happens to an
 * object.
 *
 * A class is one `const' table filled with designated initialisers.  `.name'
 * and `.super' are required: `.super' is a root class, &socle_socket_class for
 * streams, or a class derived from one.  A slot left NULL is inherited along
 * `.super'.  Every method has the exact type of its slot and reaches its own
 * struct from `self' with socle_container_of().
 *
 *	struct echo { struct socle_socket sock; int lines; };
 *
 *	static void
 *	echo_event_read(struct socle_socket *self)
 *	{
 *		struct echo *e = socle_container_of(self, struct echo, sock);
 *		...
 *	}
 *
 *	static const struct socle_class echo_class = {
 *		.name = "Echo",
 *		.super = &socle_socket_class,
 *		.size = sizeof(struct echo),
 *		.event_read = echo_event_read,
 *	};
 *
 * The base struct must be the first member.  A loop copies a table when the
 * class is first used on its thread, and recognises the class by the address
 * of the table.  The table, its supers and its name must therefore stay in
 * memory unchanged until the thread ends or socle_reset() returns outside any
 * handler; a plug-in is unloaded only after that.  The chain of supers must end
 * at a root class: a cycle is not detected, and the call that first uses the
 * class never returns.
 *
 * Methods run on the thread that made the object.  Any method may call any
 * function of the library: it may close, write to, steal or change the class
 * of any object, its own included, create objects, and run a nested loop.  The
 * memory of `self' stays valid until the method has returned, even if the
 * object was closed in it.  A method must not be left by longjmp or by an
 * exception.  To report an error to the code that runs the loop, store it and
 * call socle_stop().
 */
#ifndef SOCLE_SOCKETS_CLASS_H
#define SOCLE_SOCKETS_CLASS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle_socket;
struct socle_factory;

/*
 * A default member initialiser in C++, where g++ -Wextra otherwise warns of
 * members that a designated initialiser leaves out.
 */
#ifdef __cplusplus
#define SOCLE_OPTIONAL = {}
#else
#define SOCLE_OPTIONAL
#endif

/* `which' of event_timeout */
enum {
	SOCLE_IDLE, /* no byte was read or written for the idle timeout */
	SOCLE_STALL /* no queued byte was sent for the write timeout */
};

struct socle__transport;

struct socle_class {
	/*
	 * Shown in "Class(R): open" and in profiles.  The text is not copied:
	 * static storage.  Not inherited.
	 */
	const char *name SOCLE_OPTIONAL;
	const struct socle_class *super SOCLE_OPTIONAL;
	/*
	 * sizeof the struct of the class, at least that of its super; 0: the
	 * same size as the super's.
	 */
	size_t size SOCLE_OPTIONAL;

	/*
	 * Input or the end of the stream can be read, and reading is watched.
	 * Also called once a tick while pushed-back data remains.  Default:
	 * logs, and closes with the reason "event_read not implemented".
	 */
	void (*event_read)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * The object is writable, and either the application or the write
	 * queue watches that.  Also called once, watched or not, when
	 * socle_connect() has connected.  Default: flushes the write queue.
	 * If an override does not try to flush, the library flushes after it.
	 */
	void (*event_write)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * The kernel reports an error.  `err' is -errno, or 0 if the kernel
	 * did not name one.  Called only once no unread input is left; an
	 * error that the poller or socle_connect() reports is not delayed.
	 * Default: closes with the reason "event_err"; queued data is dropped.
	 */
	void (*event_err)(struct socle_socket *self, int err) SOCLE_OPTIONAL;
	/*
	 * Both directions are shut down.  A peer that only stops sending is
	 * the end of the stream, not a hang-up.  Called only once no unread
	 * input is left.  Default: closes with the reason "event_hup"; queued
	 * data is dropped.
	 */
	void (*event_hup)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * The write queue, which had kept something, is empty.  Called once
	 * each time, and not for a write that the kernel took at once, nor
	 * when the queue is dropped or socle_close_after_flush() was called.
	 * Default: none.
	 */
	void (*event_drain)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * A timeout has expired: `which' is SOCLE_IDLE or SOCLE_STALL.  The
	 * time then starts again.  Default: closes with the reason "idle" or
	 * "stall".
	 */
	void (*event_timeout)(
		struct socle_socket *self, int which) SOCLE_OPTIONAL;
	/*
	 * The kernel or the writer function takes no more for now, and data
	 * stays queued (Danga::Socket's on_incomplete_write).  Called at the
	 * end of each write or flush that stops this way, but not inside
	 * itself.  The library already watches for writability.  Default: none.
	 */
	void (*incomplete_write)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * Called to close the object, which is still open.  Calling super
	 * closes it; not calling it vetoes, and the object stays open.
	 * socle_close() from inside is ignored.  `reason' may be NULL.  Not
	 * called by socle_steal_socket(), socle_reset() and the thread's end.
	 */
	void (*close)(
		struct socle_socket *self, const char *reason) SOCLE_OPTIONAL;
	/*
	 * Called once, after the object is closed: at the end of the outermost
	 * tick, when no handler of any object is on the stack.  Frees what the
	 * application allocated, `self' included if it came from
	 * socle_socket_init(); the library frees the memory of
	 * socle_socket_new() afterwards.  Default: none.
	 */
	void (*destroy)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * Formats the object as socle_as_string() describes, with the
	 * arguments and the result of snprintf().
	 */
	int (*as_string)(const struct socle_socket *self, char *buf,
		size_t size) SOCLE_OPTIONAL;
	/*
	 * A factory with an accept_class, socle_listen()'s included, made this
	 * object; reading is already watched.  Called before the factory's
	 * `accepted'.  Not called for an object of socle_connect().  Default:
	 * none.
	 */
	void (*event_accepted)(struct socle_socket *self,
		struct socle_factory *by) SOCLE_OPTIONAL;
	/*
	 * Called once, right before the library closes the fd of a closed
	 * object, or lets it go after socle_keep_fd(): at the end of the tick.
	 * The fd is out of the poller and still open; socle_fd() is -1.  For
	 * the last words of a protocol below the stream, such as SSL_shutdown(),
	 * and for an fd that another library owns.  Not called for an fd that
	 * socle_steal_socket() returned, nor for one that was closed behind the
	 * library.  Default: none.
	 */
	void (*closing_fd)(struct socle_socket *self, int fd) SOCLE_OPTIONAL;
	/* Private: how objects move bytes.  Leave it NULL to inherit it. */
	const struct socle__transport *transport SOCLE_OPTIONAL;
	void (*reserved[5])(void) SOCLE_OPTIONAL;
};

/*
 * The root class of everything that reads and writes a stream of bytes.  The
 * root class of datagram sockets is in dgram/dgram.h.
 */
extern const struct socle_class socle_socket_class;

/*
 * Super calls: each calls the method of the nearest class above `mine' that
 * defines it, or does nothing if none does.  `mine' is the class whose method
 * contains the call, never the class of the object, which may be further down
 * the chain.  With a root class as `mine' the calls without a result do
 * nothing, and socle_super_as_string() must not be called.
 */
void socle_super_event_read(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_event_write(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_event_err(
	const struct socle_class *mine, struct socle_socket *self, int err);
void socle_super_event_hup(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_event_drain(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_event_timeout(
	const struct socle_class *mine, struct socle_socket *self, int which);
void socle_super_incomplete_write(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_close(const struct socle_class *mine,
	struct socle_socket *self, const char *reason);
void socle_super_destroy(
	const struct socle_class *mine, struct socle_socket *self);
void socle_super_closing_fd(
	const struct socle_class *mine, struct socle_socket *self, int fd);
int socle_super_as_string(const struct socle_class *mine,
	const struct socle_socket *self, char *buf, size_t size);
void socle_super_event_accepted(const struct socle_class *mine,
	struct socle_socket *self, struct socle_factory *by);

/*
 * Converts a pointer to a member into a pointer to the struct that contains
 * it.  A pointer whose type is not the member's does not compile.
 */
#ifdef __cplusplus
#define socle_container_of(pointer, type, member)                              \
	(socle_container_of_checked<type>(                                     \
		pointer, &type::member, offsetof(type, member)))
#else
#define socle_container_of(pointer, type, member)                              \
	((type *)((uintptr_t)(1 ? (pointer) : &((type *)0)->member) -          \
		offsetof(type, member)))
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}

template <class Type, class Member, class Owner>
static inline Type *
socle_container_of_checked(Member *pointer, Member Owner::*, size_t offset)
{
	return reinterpret_cast<Type *>(
		reinterpret_cast<char *>(pointer) - offset);
}

template <class Type, class Member, class Owner>
static inline const Type *
socle_container_of_checked(
	const Member *pointer, Member Owner::*, size_t offset)
{
	return reinterpret_cast<const Type *>(
		reinterpret_cast<const char *>(pointer) - offset);
}
#endif

#endif
