/* The module, and how its functions read their arguments. */
#include "addon.h"

#include <errno.h>

static bool refuse(napi_env env, const char *message) {
  napi_throw_type_error(env, NULL, message);
  return false;
}

bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, arguments, NULL, NULL) != napi_ok) return false;
  return given == count || refuse(env, "wrong number of arguments");
}

bool read_fd(napi_env env, napi_value value, int *fd) {
  uint32_t number;
  if (!read_u32(env, value, &number)) return false;
  if (number > INT32_MAX) return refuse(env, "not a descriptor");
  *fd = (int)number;
  return true;
}

bool read_u32(napi_env env, napi_value value, uint32_t *number) {
  double given;
  if (napi_get_value_double(env, value, &given) != napi_ok) return refuse(env, "not a number");
  /* Written so that NaN is refused too. */
  if (!(given >= 0 && given <= UINT32_MAX) || given != (double)(uint32_t)given)
    return refuse(env, "not an unsigned integer of 32 bits");
  *number = (uint32_t)given;
  return true;
}

bool read_bytes(napi_env env, napi_value value, const uint8_t **bytes, size_t *length) {
  napi_typedarray_type type;
  void *data;
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return refuse(env, "not a Uint8Array");
  if (napi_get_typedarray_info(env, value, &type, length, &data, NULL, NULL) != napi_ok) return false;
  if (type != napi_uint8_array) return refuse(env, "not a Uint8Array");
  *bytes = data;
  return true;
}

bool read_function(napi_env env, napi_value value) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  return type == napi_function || refuse(env, "not a function");
}

napi_value make_number(napi_env env, int64_t number) {
  napi_value value;
  return napi_create_int64(env, number, &value) == napi_ok ? value : NULL;
}

napi_value make_pair(napi_env env, uint32_t first, uint32_t second) {
  napi_value pair, values[2] = {make_number(env, first), make_number(env, second)};
  if (napi_create_array_with_length(env, 2, &pair) != napi_ok) return NULL;
  for (uint32_t index = 0; index < 2; index++)
    if (values[index] == NULL || napi_set_element(env, pair, index, values[index]) != napi_ok) return NULL;
  return pair;
}

napi_value system_result(napi_env env, int result) { return make_number(env, result == -1 ? -errno : result); }

bool define(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  if (!define_sockets(env, exports) || !define_connect(env, exports) || !define_nsm(env, exports)) return NULL;
  return exports;
}
