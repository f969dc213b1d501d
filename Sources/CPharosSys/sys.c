#define _GNU_SOURCE
#include "CPharosSys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

const int pharos_eagain = EAGAIN, pharos_emfile = EMFILE, pharos_enfile = ENFILE, pharos_eaddrinuse = EADDRINUSE,
          pharos_econnaborted = ECONNABORTED;

int pharos_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pharos_epoll_control(int epoll, int operation, int fd, uint32_t interest, uint64_t data, int edge) {
    struct epoll_event event = {0};
    event.events = interest & PHAROS_DEAF ? 0 : EPOLLRDHUP;
    if (interest & PHAROS_READ) event.events |= EPOLLIN;
    if (interest & PHAROS_WRITE) event.events |= EPOLLOUT;
    if (edge) event.events |= EPOLLET;
    event.data.u64 = data;
    int op = operation == 1 ? EPOLL_CTL_ADD : operation == 2 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
    return epoll_ctl(epoll, op, fd, &event) < 0 ? -errno : 0;
}

int pharos_epoll_wait(int epoll, pharos_event *events, int capacity, int timeout_ms) {
    struct epoll_event ready[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, ready, capacity, timeout_ms);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        uint32_t flags = 0;
        if (ready[i].events & EPOLLIN) flags |= PHAROS_READ;
        if (ready[i].events & EPOLLOUT) flags |= PHAROS_WRITE;
        if (ready[i].events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) flags |= PHAROS_HANGUP;
        events[i].events = flags;
        events[i].data = ready[i].data.u64;
    }
    return count;
}

int pharos_eventfd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

// Fills a socket address from text: IPv4 or IPv6 literals only.
static int make_address(const char *address, uint16_t port, struct sockaddr_storage *storage, socklen_t *length) {
    memset(storage, 0, sizeof *storage);
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *length = sizeof *v4;
        return AF_INET;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *length = sizeof *v6;
        return AF_INET6;
    }
    return -EINVAL;
}

int pharos_listen(const char *address, uint16_t port, int backlog, int reuseport) {
    struct sockaddr_storage storage;
    socklen_t length;
    int family = make_address(address, port, &storage, &length);
    if (family < 0) return family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Accepted sockets inherit it: one system call less for each connection.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (reuseport) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&storage, length) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int pharos_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pharos_connect(const char *address, uint16_t port, int nonblocking, const char *source_address) {
    struct sockaddr_storage storage;
    socklen_t length;
    int family = make_address(address, port, &storage, &length);
    if (family < 0) return family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source_address) {
        struct sockaddr_storage source;
        socklen_t source_length;
        int source_family = make_address(source_address, 0, &source, &source_length);
        if (source_family != family || bind(fd, (struct sockaddr *)&source, source_length) < 0) {
            int error = source_family != family ? EINVAL : errno;
            close(fd);
            return -error;
        }
    }
    if (connect(fd, (struct sockaddr *)&storage, length) < 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int pharos_local_port(int fd) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0) return -errno;
    if (storage.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
}

int pharos_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

ssize_t pharos_send(int fd, const void *bytes, size_t count, int more) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    return sent < 0 ? -errno : sent;
}

ssize_t pharos_recv(int fd, void *bytes, size_t count) {
    ssize_t got = recv(fd, bytes, count, 0);
    return got < 0 ? -errno : got;
}

ssize_t pharos_send_slices(int fd, const pharos_slice *slices, int count) {
    _Static_assert(sizeof(pharos_slice) == sizeof(struct iovec), "a slice is an iovec");
    struct msghdr message = {0};
    message.msg_iov = (struct iovec *)slices;
    message.msg_iovlen = (size_t)count;
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int pharos_shutdown_write(int fd) { return shutdown(fd, SHUT_WR) < 0 ? -errno : 0; }

int pharos_close(int fd) { return close(fd) < 0 ? -errno : 0; }

static int64_t clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pharos_monotonic_ms(void) { return clock_ns(CLOCK_MONOTONIC) / 1000000; }
int64_t pharos_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t pharos_wall_ms(void) { return clock_ns(CLOCK_REALTIME) / 1000000; }

int64_t pharos_raise_open_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    }
    return (int64_t)limit.rlim_cur;
}

void pharos_random(void *bytes, size_t count) {
    unsigned char *next = bytes;
    while (count > 0) {
        ssize_t got = getrandom(next, count > 256 ? 256 : count, 0);
        if (got <= 0) continue;
        next += got;
        count -= (size_t)got;
    }
}

int pharos_pin_thread(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return -pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int pharos_online_processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (int)count;
}

int pharos_allowed_processors(void) {
    // A set of fixed size is refused on machines with more processors than it has places.
    for (int places = 1024; places <= 1 << 20; places *= 2) {
        cpu_set_t *set = CPU_ALLOC(places);
        if (!set) break;
        size_t size = CPU_ALLOC_SIZE(places);
        CPU_ZERO_S(size, set);
        int failure = sched_getaffinity(0, size, set) < 0 ? errno : 0;
        int count = failure ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (count > 0) return count;
        if (failure != EINVAL) break;
    }
    return pharos_online_processors();
}

ssize_t pharos_read_file(const char *path, char *bytes, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t count = 0;
    ssize_t last = 0;
    while (count < capacity) {
        last = read(fd, bytes + count, capacity - count);
        if (last < 0 && errno == EINTR) continue;
        if (last <= 0) break;
        count += (size_t)last;
    }
    int failure = last < 0 ? errno : 0;
    close(fd);
    return failure ? -failure : (ssize_t)count;
}

void pharos_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void pharos_yield(void) { sched_yield(); }

void pharos_wake(int eventfd) {
    uint64_t one = 1;
    ssize_t written = write(eventfd, &one, sizeof one);
    (void)written;
}

void pharos_clear_wake(int eventfd) {
    uint64_t count;
    ssize_t got = read(eventfd, &count, sizeof count);
    (void)got;
}

void pharos_peer_address(int fd, char *text, size_t capacity) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    text[0] = 0;
    if (getpeername(fd, (struct sockaddr *)&storage, &length) < 0) return;
    if (storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&storage)->sin_addr, text, (socklen_t)capacity);
    } else if (storage.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&storage)->sin6_addr, text, (socklen_t)capacity);
    }
}

size_t pharos_http_date(int64_t seconds, char *text, size_t capacity) {
    time_t time = (time_t)seconds;
    struct tm parts;
    gmtime_r(&time, &parts);
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int length = snprintf(text, capacity, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[parts.tm_wday], parts.tm_mday,
                          months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    return length < 0 ? 0 : (size_t)length;
}
