/* The Nitro Secure Module's ioctl (linux/nsm.h, drivers/misc/nsm.c), and the kernel's entropy pool (random(4)). */
#include "addon.h"

#include <errno.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define NSM_REQUEST_MAX 0x1000
#define NSM_RESPONSE_MAX 0x3000
#define ENTROPY_MAX 4096

/* linux/nsm.h is younger than many distributions' headers. */
struct nsm_buffer {
  uint64_t address;
  uint64_t length;
};
struct nsm_raw {
  struct nsm_buffer request;
  struct nsm_buffer response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct nsm_raw)

struct exchange {
  napi_async_work work;
  napi_ref done;
  int fd;
  int result;
  size_t request_length;
  size_t response_length;
  uint8_t request[NSM_REQUEST_MAX];
  uint8_t response[NSM_RESPONSE_MAX];
};

static void free_exchange(napi_env env, struct exchange *exchange) {
  if (exchange->work != NULL) napi_delete_async_work(env, exchange->work);
  if (exchange->done != NULL) napi_delete_reference(env, exchange->done);
  /* Random bytes of the module's may be in it. */
  explicit_bzero(exchange, sizeof *exchange);
  free(exchange);
}

/* On a thread of the pool: the driver sleeps until the hypervisor has answered. */
static void execute(napi_env env, void *data) {
  (void)env;
  struct exchange *exchange = data;
  struct nsm_raw raw = {
      .request = {(uintptr_t)exchange->request, exchange->request_length},
      .response = {(uintptr_t)exchange->response, sizeof exchange->response},
  };
  if (ioctl(exchange->fd, NSM_IOCTL_RAW, &raw) == -1)
    exchange->result = -errno;
  else if (raw.response.length > sizeof exchange->response)
    exchange->result = -EPROTO;
  else
    exchange->response_length = raw.response.length;
}

static napi_value make_bytes(napi_env env, const uint8_t *bytes, size_t length) {
  void *data;
  napi_value buffer, array;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return NULL;
  if (length > 0) memcpy(data, bytes, length);
  return napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array) == napi_ok ? array : NULL;
}

/* Node turns what `done` throws into an uncaught exception. */
static void complete(napi_env env, napi_status status, void *data) {
  struct exchange *exchange = data;
  napi_value undefined, done, answer;
  if (status == napi_cancelled) exchange->result = -ECANCELED;
  if (exchange->result < 0)
    answer = make_number(env, exchange->result);
  else
    answer = make_bytes(env, exchange->response, exchange->response_length);
  if (answer != NULL && napi_get_undefined(env, &undefined) == napi_ok &&
      napi_get_reference_value(env, exchange->done, &done) == napi_ok)
    napi_call_function(env, undefined, done, 1, &answer, NULL);
  free_exchange(env, exchange);
}

static napi_value nsm_request(napi_env env, napi_callback_info info) {
  napi_value arguments[3], name;
  int fd;
  const uint8_t *request;
  size_t length;
  if (!read_arguments(env, info, 3, arguments) || !read_fd(env, arguments[0], &fd) ||
      !read_bytes(env, arguments[1], &request, &length) || !read_function(env, arguments[2]))
    return NULL;
  /* What the driver would say. */
  if (length > NSM_REQUEST_MAX) return make_number(env, -EMSGSIZE);

  struct exchange *exchange = calloc(1, sizeof *exchange);
  if (exchange == NULL) return make_number(env, -ENOMEM);
  exchange->fd = fd;
  exchange->request_length = length;
  if (length > 0) memcpy(exchange->request, request, length);
  if (napi_create_string_utf8(env, "NSMREQUEST", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_reference(env, arguments[2], 1, &exchange->done) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute, complete, exchange, &exchange->work) != napi_ok ||
      napi_queue_async_work(env, exchange->work) != napi_ok) {
    free_exchange(env, exchange);
    return make_number(env, -ENOMEM);
  }
  return make_number(env, 0);
}

static napi_value add_entropy(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  int fd;
  const uint8_t *bytes;
  size_t length;
  if (!read_arguments(env, info, 2, arguments) || !read_fd(env, arguments[0], &fd) ||
      !read_bytes(env, arguments[1], &bytes, &length))
    return NULL;
  if (length == 0 || length > ENTROPY_MAX) return make_number(env, -EINVAL);
  size_t size = sizeof(struct rand_pool_info) + length;
  struct rand_pool_info *info_and_bytes = malloc(size);
  if (info_and_bytes == NULL) return make_number(env, -ENOMEM);
  info_and_bytes->entropy_count = (int)length * 8;
  info_and_bytes->buf_size = (int)length;
  memcpy(info_and_bytes->buf, bytes, length);
  int result = ioctl(fd, RNDADDENTROPY, info_and_bytes) == -1 ? -errno : 0;
  explicit_bzero(info_and_bytes, size);
  free(info_and_bytes);
  return make_number(env, result);
}

bool define_nsm(napi_env env, napi_value exports) {
  return define(env, exports, "nsmRequest", nsm_request) && define(env, exports, "addEntropy", add_entropy);
}
