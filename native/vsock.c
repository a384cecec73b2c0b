/* AF_VSOCK sockets (vsock(7), linux/vm_sockets.h), and the Unix ones whose descriptors they take over. */
#include "addon.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* Its argument is what a peer may send before it is read, in bytes. Accepted sockets take it from their listener. */
static napi_value vsock_socket(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint32_t bytes;
  if (!read_arguments(env, info, 1, &argument) || !read_u32(env, argument, &bytes)) return NULL;
  const uint64_t window = bytes;
  int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd == -1) return make_number(env, -errno);
  /* A transport that keeps its own size works all the same. */
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &window, sizeof window);
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &window, sizeof window);
  return make_number(env, fd);
}

static napi_value vsock_bind(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  int fd;
  struct sockaddr_vm address = {.svm_family = AF_VSOCK};
  if (!read_arguments(env, info, 3, arguments) || !read_fd(env, arguments[0], &fd) ||
      !read_u32(env, arguments[1], &address.svm_cid) || !read_u32(env, arguments[2], &address.svm_port))
    return NULL;
  return system_result(env, bind(fd, (struct sockaddr *)&address, sizeof address));
}

static napi_value vsock_listen(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  uint32_t backlog;
  if (!read_arguments(env, info, 2, arguments) || !read_fd(env, arguments[0], &fd) ||
      !read_u32(env, arguments[1], &backlog))
    return NULL;
  return system_result(env, listen(fd, backlog > INT32_MAX ? INT32_MAX : (int)backlog));
}

/* getsockname and getpeername. */
typedef int (*look_up)(int, struct sockaddr *, socklen_t *);

static napi_value read_address(napi_env env, napi_callback_info info, look_up look_up) {
  napi_value argument;
  int fd;
  struct sockaddr_vm address = {0};
  socklen_t length = sizeof address;
  if (!read_arguments(env, info, 1, &argument) || !read_fd(env, argument, &fd)) return NULL;
  if (look_up(fd, (struct sockaddr *)&address, &length) == -1) return make_number(env, -errno);
  if (address.svm_family != AF_VSOCK || length < sizeof address) return make_number(env, -EAFNOSUPPORT);
  return make_pair(env, address.svm_cid, address.svm_port);
}

static napi_value vsock_peer(napi_env env, napi_callback_info info) { return read_address(env, info, getpeername); }

static napi_value vsock_name(napi_env env, napi_callback_info info) { return read_address(env, info, getsockname); }

static napi_value vsock_local_cid(napi_env env, napi_callback_info info) {
  (void)info;
  unsigned int cid = 0;
  int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
  if (fd == -1) return make_number(env, -errno);
  int result = ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid);
  int cause = errno;
  close(fd);
  return make_number(env, result == -1 ? -(int64_t)cause : (int64_t)cid);
}

static napi_value socket_pair(napi_env env, napi_callback_info info) {
  (void)info;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1) return make_number(env, -errno);
  return make_pair(env, (uint32_t)pair[0], (uint32_t)pair[1]);
}

static napi_value unix_socket(napi_env env, napi_callback_info info) {
  (void)info;
  struct sockaddr address = {.sa_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd == -1) return make_number(env, -errno);
  /* An address of nothing but its family: the kernel picks an abstract name (unix(7), autobind). */
  if (bind(fd, &address, sizeof address.sa_family) == 0) return make_number(env, fd);
  int cause = errno;
  close(fd);
  return make_number(env, -cause);
}

static napi_value duplicate(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int from, to, result;
  if (!read_arguments(env, info, 2, arguments) || !read_fd(env, arguments[0], &from) ||
      !read_fd(env, arguments[1], &to))
    return NULL;
  do result = dup3(from, to, O_CLOEXEC);
  while (result == -1 && errno == EINTR);
  return system_result(env, result);
}

static napi_value close_fd(napi_env env, napi_callback_info info) {
  napi_value argument;
  int fd;
  if (!read_arguments(env, info, 1, &argument) || !read_fd(env, argument, &fd)) return NULL;
  return system_result(env, close(fd));
}

bool define_sockets(napi_env env, napi_value exports) {
  return define(env, exports, "vsockSocket", vsock_socket) && define(env, exports, "vsockBind", vsock_bind) &&
         define(env, exports, "vsockListen", vsock_listen) && define(env, exports, "vsockPeer", vsock_peer) &&
         define(env, exports, "vsockName", vsock_name) &&
         define(env, exports, "vsockLocalCid", vsock_local_cid) &&
         define(env, exports, "socketPair", socket_pair) && define(env, exports, "unixSocket", unix_socket) &&
         define(env, exports, "dup3", duplicate) && define(env, exports, "close", close_fd);
}
