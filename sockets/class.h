/*
 * Classes: how an object says what it does when something happens to it.
 *
 * A class is one `const' table, filled with designated initialisers; a slot
 * left NULL is inherited along `.super', and `.super' of a class of yours is
 * &socle_socket_class or a class below it.  Methods have the exact type of
 * their slot, and get their own struct from `self' by socle_container_of().
 * The loop reads a table once, when it first meets the class: a table must not
 * change while a loop that knows it lives.
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
 * Any method may close, write to, watch, steal or reclass any object, its own
 * included, make new ones, and run a nested loop.
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

/* A member that an initialiser may leave out; C++ wants that said. */
#ifdef __cplusplus
#define SOCLE_OPTIONAL = {}
#else
#define SOCLE_OPTIONAL
#endif

/* `which' of event_timeout */
enum {
	SOCLE_IDLE, /* nothing was read or written for the idle timeout */
	SOCLE_STALL /* what waits to be written did not move */
};

struct socle__transport;

struct socle_class {
	/* Static storage; "Class" in "Class(R): open" and in profiles. */
	const char *name SOCLE_OPTIONAL;
	const struct socle_class *super SOCLE_OPTIONAL;
	/* sizeof the subclass's struct; 0: as large as super's. */
	size_t size SOCLE_OPTIONAL;

	/*
	 * There is something to read, or the end of the stream.  Default:
	 * closes with "event_read not implemented" and logs it.
	 */
	void (*event_read)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * It can be written to.  Default: flushes the write queue.  If an
	 * override leaves the queue untried, the library flushes after it.
	 */
	void (*event_write)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * The kernel reports an error: `err' is -errno, 0 if it named none.
	 * Comes once no unread input is left.  Default: closes ("event_err").
	 */
	void (*event_err)(struct socle_socket *self, int err) SOCLE_OPTIONAL;
	/*
	 * Both directions are gone (a peer that only stops sending is an end
	 * of stream, not this).  Comes once no unread input is left.  Default:
	 * closes ("event_hup").
	 */
	void (*event_hup)(struct socle_socket *self) SOCLE_OPTIONAL;
	/* The write queue has emptied.  Default: nothing. */
	void (*event_drain)(struct socle_socket *self) SOCLE_OPTIONAL;
	/* A timeout passed, SOCLE_IDLE or SOCLE_STALL.  Default: closes. */
	void (*event_timeout)(
		struct socle_socket *self, int which) SOCLE_OPTIONAL;
	/*
	 * A write could not be finished and waits, whether a part of it went
	 * or none (Danga::Socket's on_incomplete_write).  Default: nothing;
	 * the library has asked for writability already.
	 */
	void (*incomplete_write)(struct socle_socket *self) SOCLE_OPTIONAL;
	/*
	 * Closes; an override that does not call super's vetoes: the object
	 * stays open.  `reason' may be NULL.
	 */
	void (*close)(
		struct socle_socket *self, const char *reason) SOCLE_OPTIONAL;
	/*
	 * The object is over: called once, at the end of the outermost tick,
	 * when no handler of any object is on the stack.  Memory that you
	 * allocated may be freed here, that of socle_socket_new() is freed
	 * after it.  Default: nothing.
	 */
	void (*destroy)(struct socle_socket *self) SOCLE_OPTIONAL;
	/* Like snprintf; socle_as_string() calls it. */
	int (*as_string)(const struct socle_socket *self, char *buf,
		size_t size) SOCLE_OPTIONAL;
	/*
	 * A listener made this object; it is watched for reading already.
	 * Called before the listener's own `accepted'.  Default: nothing.
	 */
	void (*event_accepted)(struct socle_socket *self,
		struct socle_factory *by) SOCLE_OPTIONAL;
	/* Private: how objects move bytes.  Leave it NULL to inherit it. */
	const struct socle__transport *transport SOCLE_OPTIONAL;
	void (*reserved[5])(void) SOCLE_OPTIONAL;
};

/* The root of all classes of stream sockets. */
extern const struct socle_class socle_socket_class;

/*
 * Super calls: what the class above `mine' does.  `mine' is the class that is
 * being written, never the object's own, which may be further down.
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
int socle_super_as_string(const struct socle_class *mine,
	const struct socle_socket *self, char *buf, size_t size);
void socle_super_event_accepted(const struct socle_class *mine,
	struct socle_socket *self, struct socle_factory *by);

/*
 * From a pointer to a member to the struct that has it; a pointer of another
 * type than the member's does not compile.
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
