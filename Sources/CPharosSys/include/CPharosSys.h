// What Swift's Glibc module lacks: epoll, eventfd, accept4 and friends. No feature macros here: the .c file has them.
#ifndef CPHAROSSYS_H
#define CPHAROSSYS_H

#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include "pharos_deflate.h"

// One ready descriptor: the events and the 64-bit value registered with it.
typedef struct {
    uint32_t events;
    uint64_t data;
} pharos_event;

static const uint32_t PHAROS_READ = 1, PHAROS_WRITE = 2, PHAROS_HANGUP = 4;
// As an interest: that the peer has closed its half is not told, only that both are.
static const uint32_t PHAROS_DEAF = 8;
// What -errno is compared with.
extern const int pharos_eagain, pharos_emfile, pharos_enfile, pharos_eaddrinuse, pharos_econnaborted;

int pharos_epoll_create(void);
// operation: 1 add, 2 modify, 3 remove; interest: PHAROS_READ | PHAROS_WRITE. Edge-triggered when `edge` is not 0.
int pharos_epoll_control(int epoll, int operation, int fd, uint32_t interest, uint64_t data, int edge);
// Waits at most timeout_ms (-1: for ever); returns the number of events, 0 at a timeout or a signal, -errno otherwise.
int pharos_epoll_wait(int epoll, pharos_event *events, int capacity, int timeout_ms);

// Lets another thread run.
void pharos_yield(void);
int pharos_eventfd(void);
void pharos_wake(int eventfd);
void pharos_clear_wake(int eventfd);

// A listening socket, or -errno. port 0: any. reuseport: many listeners share the port.
int pharos_listen(const char *address, uint16_t port, int backlog, int reuseport);
// An accepted non-blocking socket, or -errno.
int pharos_accept(int listener);
// A blocking or non-blocking connected socket, or -errno (-EINPROGRESS never: non-blocking sockets may still be connecting).
int pharos_connect(const char *address, uint16_t port, int nonblocking, const char *source_address);
int pharos_local_port(int fd);
// The peer's address as text, "" when it cannot be told.
void pharos_peer_address(int fd, char *text, size_t capacity);
// IMF-fixdate of RFC 9110 for seconds since 1970; the length.
size_t pharos_http_date(int64_t seconds, char *text, size_t capacity);
int pharos_socket_error(int fd);

// All return the count or -errno; no SIGPIPE.
ssize_t pharos_send(int fd, const void *bytes, size_t count, int more);
ssize_t pharos_recv(int fd, void *bytes, size_t count);
typedef struct {
    const void *base;
    size_t length;
} pharos_slice;
ssize_t pharos_send_slices(int fd, const pharos_slice *slices, int count);

int pharos_shutdown_write(int fd);
int pharos_close(int fd);
int64_t pharos_monotonic_ms(void);
int64_t pharos_monotonic_ns(void);
int64_t pharos_wall_ms(void);
// The soft limit of open files raised to the hard limit; the value then, or -errno.
int64_t pharos_raise_open_files(void);
void pharos_random(void *bytes, size_t count);
// Pins the calling thread to one processor; 0 or -errno.
int pharos_pin_thread(int processor);
void pharos_name_thread(const char *name);
// Processors that are online, and those of them on which this process may run (sched_getaffinity); at least 1.
int pharos_online_processors(void);
int pharos_allowed_processors(void);
// The beginning of a file; its length, or -errno.
ssize_t pharos_read_file(const char *path, char *bytes, size_t capacity);

#endif
