/*
 * connect(2) on AF_VSOCK without blocking. libuv reports every failed connection as EBADF: the true cause is in
 * SO_ERROR. Each attempt is one uv_poll on the loop of its own environment, so worker threads have theirs.
 */
#include "addon.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include <linux/vm_sockets.h>

#ifndef SO_VM_SOCKETS_CONNECT_TIMEOUT
#define SO_VM_SOCKETS_CONNECT_TIMEOUT 6
#endif

struct attempt {
  uv_poll_t poll;
  napi_env env;
  napi_async_context context;
  napi_ref done;
  napi_async_cleanup_hook_handle cleanup;
  int fd;
  /* Held by the loop until the handle is closed, and by JavaScript's value until it is collected. */
  int holders;
  bool over;
};

static void release(struct attempt *attempt) {
  if (--attempt->holders == 0) free(attempt);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  release(data);
}

static void on_closed(uv_handle_t *handle) {
  struct attempt *attempt = handle->data;
  napi_remove_async_cleanup_hook(attempt->cleanup);
  release(attempt);
}

static void stop(struct attempt *attempt) {
  attempt->over = true;
  uv_poll_stop(&attempt->poll);
  /* Here and not by JavaScript, which a thread that ends does not come back to. */
  close(attempt->fd);
  uv_close((uv_handle_t *)&attempt->poll, on_closed);
}

static void forget(struct attempt *attempt) {
  napi_delete_reference(attempt->env, attempt->done);
  napi_async_destroy(attempt->env, attempt->context);
}

/* The environment goes down, a worker thread's say: its loop must have no handle left. */
static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  struct attempt *attempt = data;
  if (!attempt->over) stop(attempt);
}

static int read_error(int fd) {
  int cause = 0;
  socklen_t length = sizeof cause;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &length) == -1 ? errno : cause;
}

static void report(struct attempt *attempt, int result) {
  napi_env env = attempt->env;
  napi_handle_scope scope;
  napi_value global, done, thrown, argument;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if ((argument = make_number(env, result)) != NULL && napi_get_global(env, &global) == napi_ok &&
      napi_get_reference_value(env, attempt->done, &done) == napi_ok &&
      napi_make_callback(env, attempt->context, global, done, 1, &argument, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &thrown) == napi_ok)
    napi_fatal_exception(env, thrown);
  forget(attempt);
  napi_close_handle_scope(env, scope);
}

static void on_event(uv_poll_t *poll, int status, int events) {
  (void)events;
  struct attempt *attempt = poll->data;
  int cause = read_error(attempt->fd);
  stop(attempt);
  report(attempt, cause != 0 ? -cause : status);
}

/* A kernel that does not know the option keeps its own two seconds. */
static void set_timeout(int fd, uint32_t milliseconds) {
  struct timeval timeout = {.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
  setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof timeout);
}

static int begin(napi_env env, struct attempt *attempt, const struct sockaddr_vm *address) {
  uv_loop_t *loop;
  int result;
  if (connect(attempt->fd, (const struct sockaddr *)address, sizeof *address) == -1 && errno != EINPROGRESS)
    return -errno;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -ENOTSUP;
  if ((result = uv_poll_init(loop, &attempt->poll, attempt->fd)) != 0) return result;
  attempt->poll.data = attempt;
  attempt->holders = 1;
  /* One that is refused here is closed all the same: the loop knows its handle. */
  if ((result = uv_poll_start(&attempt->poll, UV_WRITABLE, on_event)) != 0) stop(attempt);
  return result;
}

static napi_value vsock_connect(napi_env env, napi_callback_info info) {
  napi_value arguments[5], name, value;
  uint32_t timeout;
  int result;
  struct sockaddr_vm address = {.svm_family = AF_VSOCK};
  struct attempt *attempt = calloc(1, sizeof *attempt);
  if (attempt == NULL) return make_number(env, -ENOMEM);
  attempt->env = env;
  if (!read_arguments(env, info, 5, arguments) || !read_fd(env, arguments[0], &attempt->fd) ||
      !read_u32(env, arguments[1], &address.svm_cid) || !read_u32(env, arguments[2], &address.svm_port) ||
      !read_u32(env, arguments[3], &timeout) || !read_function(env, arguments[4])) {
    free(attempt);
    return NULL;
  }
  set_timeout(attempt->fd, timeout);
  if (napi_add_async_cleanup_hook(env, on_cleanup, attempt, &attempt->cleanup) != napi_ok) {
    close(attempt->fd);
    free(attempt);
    return make_number(env, -ENOMEM);
  }
  if ((result = begin(env, attempt, &address)) != 0) {
    if (!attempt->over) {
      napi_remove_async_cleanup_hook(attempt->cleanup);
      close(attempt->fd);
      free(attempt);
    }
    return make_number(env, result);
  }
  if (napi_create_string_utf8(env, "VSOCKCONNECT", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, NULL, name, &attempt->context) != napi_ok ||
      napi_create_reference(env, arguments[4], 1, &attempt->done) != napi_ok ||
      napi_create_external(env, attempt, on_collected, NULL, &value) != napi_ok) {
    stop(attempt);
    return make_number(env, -ENOMEM);
  }
  attempt->holders++;
  return value;
}

static napi_value cancel_connect(napi_env env, napi_callback_info info) {
  napi_value argument;
  napi_valuetype type;
  void *data;
  if (!read_arguments(env, info, 1, &argument)) return NULL;
  if (napi_typeof(env, argument, &type) != napi_ok || type != napi_external ||
      napi_get_value_external(env, argument, &data) != napi_ok) {
    napi_throw_type_error(env, NULL, "not a connection attempt");
    return NULL;
  }
  struct attempt *attempt = data;
  if (!attempt->over) {
    stop(attempt);
    forget(attempt);
  }
  return NULL;
}

bool define_connect(napi_env env, napi_value exports) {
  return define(env, exports, "vsockConnect", vsock_connect) &&
         define(env, exports, "cancelConnect", cancel_connect);
}
