/* What Swift's importer cannot see of Linux: variadic calls, GNU extensions, macros.
   Nothing here but thin static inline functions. */
#ifndef STAGEKEEPER_CSYSTEM_SHIM_H
#define STAGEKEEPER_CSYSTEM_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's struct ucred, which <sys/socket.h> hides without _GNU_SOURCE. */
struct stagekeeper_ucred {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};

#define STAGEKEEPER_SO_PEERCRED 17
#define STAGEKEEPER_SO_PEERGROUPS 59

/* SO_PEERCRED (unix(7)): who connected. 0, or -1 with errno. */
static inline int stagekeeper_peer_credentials(int fd, struct stagekeeper_ucred *credentials) {
  socklen_t length = sizeof *credentials;
  return getsockopt(fd, SOL_SOCKET, STAGEKEEPER_SO_PEERCRED, credentials, &length);
}

/* SO_PEERGROUPS (Linux 4.13): the connector's supplementary groups. `length` is in bytes. */
static inline int stagekeeper_peer_groups(int fd, gid_t *groups, socklen_t *length) {
  return getsockopt(fd, SOL_SOCKET, STAGEKEEPER_SO_PEERGROUPS, groups, length);
}

extern int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int stagekeeper_accept(int fd) {
  return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* Sends one byte with a descriptor attached: SCM_RIGHTS of unix(7), cmsg(3). 1, or -1 with errno. */
static inline ssize_t stagekeeper_send_descriptor(int socket, int descriptor) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof descriptor)];
  } control;
  struct msghdr message = {0};
  memset(&control, 0, sizeof control);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control.space;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

extern int pipe2(int *, int);
static inline int stagekeeper_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);

/* What posix_spawn(3) does, and PR_SET_PDEATHSIG, which that cannot be asked for: the kernel kills the child when
   the calling thread ends. `descriptors` become 0, 1, 2, …; -1 stands for /dev/null. Assumes that none of them is
   less than `count`. 0, or what errno would be. */
static inline int stagekeeper_spawn_mortal(
    pid_t *pid, const char *path, char *const *arguments, char *const *environment, const int *descriptors,
    int count) {
  sigset_t all, before, none;
  sigfillset(&all);
  sigemptyset(&none);
  /* The child runs on this stack and in this memory until it is another program: no handler may run there. */
  sigprocmask(SIG_BLOCK, &all, &before);
  pid_t parent = getpid();
  volatile int error = 0;
  pid_t child = vfork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(127);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    for (int target = 0; target < count; target++) {
      int source = descriptors[target] < 0 ? open("/dev/null", O_RDWR) : descriptors[target];
      if (source < 0 || dup2(source, target) < 0) {
        error = errno;
        _exit(127);
      }
    }
    closefrom(count);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(path, arguments, environment);
    error = errno;
    _exit(127);
  }
  if (child == -1) error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (child != -1 && error != 0) waitpid(child, NULL, 0);
  *pid = child;
  return error;
}

static inline int stagekeeper_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
static inline int stagekeeper_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static inline int stagekeeper_forbid_core_dump(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

static inline int stagekeeper_set_limit(int resource, uint64_t value) {
  struct rlimit limit = {value, value};
  return setrlimit(resource, &limit);
}
/* Raises the soft limit to the hard one (setrlimit(2)) and returns it. */
static inline uint64_t stagekeeper_raise_limit(int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) == -1) return 0;
  rlim_t soft = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) == 0 ? limit.rlim_max : soft;
}
static const int stagekeeper_limit_core = RLIMIT_CORE;
static const int stagekeeper_limit_descriptors = RLIMIT_NOFILE;

/* Whether this process ignores a signal (sigaction(2)). */
static inline int stagekeeper_ignores(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static inline int stagekeeper_exited(int status) { return WIFEXITED(status); }
static inline int stagekeeper_exit_code(int status) { return WEXITSTATUS(status); }
static inline int stagekeeper_term_signal(int status) { return WTERMSIG(status); }

/* Pages for a secret: not in a core dump, not in a child, not on disk (mmap(2), madvise(2), mlock(2)). */
#include <sys/mman.h>
extern int madvise(void *, size_t, int);
static inline void *stagekeeper_map_secret(size_t length) {
  void *pages = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | 0x20 /* MAP_ANONYMOUS */, -1, 0);
  if (pages == MAP_FAILED) return NULL;
  madvise(pages, length, 16 /* MADV_DONTDUMP */);
  madvise(pages, length, 18 /* MADV_WIPEONFORK */);
  return pages;
}
static inline int stagekeeper_lock_memory(void *pages, size_t length) { return mlock(pages, length); }
extern void explicit_bzero(void *, size_t);
static inline void stagekeeper_unmap_secret(void *pages, size_t length) {
  explicit_bzero(pages, length);
  munmap(pages, length);
}

/* Landlock (landlock(7)). The structures are the kernel's, in their longest form: an older kernel accepts them
   as long as what it does not know is zero. */
#include <sys/syscall.h>
struct stagekeeper_landlock_ruleset {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};
struct __attribute__((packed)) stagekeeper_landlock_path {
  uint64_t allowed_access;
  int32_t parent_fd;
};
struct stagekeeper_landlock_port {
  uint64_t allowed_access;
  uint64_t port;
};
extern long syscall(long, ...);
/* landlock_create_ruleset with LANDLOCK_CREATE_RULESET_VERSION. */
static inline int stagekeeper_landlock_version(void) { return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1); }
static inline int stagekeeper_landlock_create(const struct stagekeeper_landlock_ruleset *ruleset) {
  return (int)syscall(SYS_landlock_create_ruleset, ruleset, sizeof *ruleset, 0);
}
static inline int stagekeeper_landlock_add_path(int fd, uint64_t access, int path) {
  struct stagekeeper_landlock_path rule = {access, path};
  return (int)syscall(SYS_landlock_add_rule, fd, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0);
}
static inline int stagekeeper_landlock_add_port(int fd, uint64_t access, uint64_t port) {
  struct stagekeeper_landlock_port rule = {access, port};
  return (int)syscall(SYS_landlock_add_rule, fd, 2 /* LANDLOCK_RULE_NET_PORT */, &rule, 0);
}
static inline int stagekeeper_landlock_restrict(int fd) { return (int)syscall(SYS_landlock_restrict_self, fd, 0); }

/* Lowers both limits; one that is lower already stays (setrlimit(2)). */
static inline int stagekeeper_lower_limit(int resource, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) == -1) return -1;
  if (limit.rlim_max > value) limit.rlim_max = value;
  if (limit.rlim_cur > value) limit.rlim_cur = value;
  return setrlimit(resource, &limit);
}
static const int stagekeeper_limit_data = RLIMIT_DATA;
static const int stagekeeper_limit_file_size = RLIMIT_FSIZE;

/* fallocate(2) with FALLOC_FL_KEEP_SIZE: disk space from the start of the file, whose length stays. */
extern int fallocate(int, int, off_t, off_t);
static inline int stagekeeper_reserve(int fd, int64_t length, int keeps_size) {
  return fallocate(fd, keeps_size ? 1 : 0, 0, (off_t)length);
}

#include <sys/random.h>
static inline ssize_t stagekeeper_random(void *bytes, size_t count) { return getrandom(bytes, count, 0); }

/* sun_path of the abstract or file address; returns the address length or 0 when it does not fit. */
#include <stddef.h>
#include <sys/un.h>
static inline socklen_t stagekeeper_unix_address(struct sockaddr_un *address, const char *path, size_t length) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (length >= sizeof address->sun_path) return 0;
  memcpy(address->sun_path, path, length);
  if (length > 0 && path[0] == '@') {
    address->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  }
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}

static inline int stagekeeper_connect(int fd, const struct sockaddr_un *address, socklen_t length) {
  return connect(fd, (const struct sockaddr *)address, length);
}
static inline int stagekeeper_bind(int fd, const struct sockaddr_un *address, socklen_t length) {
  return bind(fd, (const struct sockaddr *)address, length);
}

/* fstatfs(2): whether the file system is one that overwrites in place (linux/magic.h: ext2 to ext4, XFS, tmpfs). */
#include <sys/vfs.h>
static inline int stagekeeper_overwrites_in_place(int fd) {
  struct statfs found;
  if (fstatfs(fd, &found) != 0) return 0;
  return found.f_type == 0xEF53 || found.f_type == 0x58465342 || found.f_type == 0x01021994;
}

/* epoll(7): descriptors told apart by numbers of ours. Each event comes once, until it is asked for again. */
#include <sys/epoll.h>
struct stagekeeper_event {
  uint64_t token;
  uint32_t events;
};
static inline int stagekeeper_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int stagekeeper_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {events | EPOLLONESHOT, {.u64 = token}};
  return epoll_ctl(epoll, operation, fd, &event);
}
static inline int stagekeeper_epoll_wait(int epoll, struct stagekeeper_event *events, int count, int milliseconds) {
  struct epoll_event found[64];
  int number = epoll_wait(epoll, found, count < 64 ? count : 64, milliseconds);
  for (int i = 0; i < number; i++) events[i] = (struct stagekeeper_event){found[i].data.u64, found[i].events};
  return number;
}
static const int stagekeeper_epoll_add = EPOLL_CTL_ADD;
static const int stagekeeper_epoll_modify = EPOLL_CTL_MOD;
static const int stagekeeper_epoll_delete = EPOLL_CTL_DEL;
static const uint32_t stagekeeper_epoll_in = EPOLLIN;
static const uint32_t stagekeeper_epoll_out = EPOLLOUT;
static const uint32_t stagekeeper_epoll_ended = EPOLLHUP | EPOLLERR;

/* eventfd(2): wakes a thread that waits in epoll. Edge-triggered, so that nobody has to read it. */
#include <sys/eventfd.h>
static inline int stagekeeper_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline void stagekeeper_eventfd_ring(int bell) {
  uint64_t one = 1;
  ssize_t written = write(bell, &one, sizeof one);
  (void)written; /* a full counter has rung already */
}
static inline int stagekeeper_epoll_add_bell(int epoll, int bell, uint64_t token) {
  struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = token}};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &event);
}

/* What the thread sanitizer is told where it can't see how a thread hands over to another; nothing without it. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));
static inline void stagekeeper_tsan_acquire(void *place) { if (__tsan_acquire) __tsan_acquire(place); }
static inline void stagekeeper_tsan_release(void *place) { if (__tsan_release) __tsan_release(place); }

/* PR_SET_NAME (prctl(2)): its first 15 bytes count. */
static inline void stagekeeper_name_this_thread(const char *name) { prctl(PR_SET_NAME, name); }

#endif
