/* What the parts of the addon share. Every function given to JavaScript answers 0 or more, or a negative errno. */
#ifndef NITRO_ENCLAVE_SDK_ADDON_H
#define NITRO_ENCLAVE_SDK_ADDON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads exactly `count` arguments; otherwise throws a TypeError and answers false. */
bool read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *arguments);
bool read_fd(napi_env env, napi_value value, int *fd);
bool read_u32(napi_env env, napi_value value, uint32_t *number);
bool read_bytes(napi_env env, napi_value value, const uint8_t **bytes, size_t *length);
bool read_function(napi_env env, napi_value value);

/* Null, as after a throw, when the environment is going down. */
napi_value make_number(napi_env env, int64_t number);
napi_value make_pair(napi_env env, uint32_t first, uint32_t second);

/* `result` of a system call: itself, or the negative errno when it is -1. */
napi_value system_result(napi_env env, int result);

bool define(napi_env env, napi_value exports, const char *name, napi_callback function);

bool define_sockets(napi_env env, napi_value exports);
bool define_connect(napi_env env, napi_value exports);
bool define_nsm(napi_env env, napi_value exports);

#endif
