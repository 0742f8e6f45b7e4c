/* Arguments of calls from JavaScript, taken with all that is to be checked of them, for both parts of this folder. */
#ifndef STARDUST_ARGUMENTS_H
#define STARDUST_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>

static inline napi_value number(napi_env env, int32_t value) {
  napi_value result;
  napi_create_int32(env, value, &result);
  return result;
}

static inline napi_value refuse(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", what);
  return NULL;
}

static inline int takeInt(napi_env env, napi_value value, int32_t least, int32_t most, int32_t *out) {
  return napi_get_value_int32(env, value, out) == napi_ok && *out >= least && *out <= most;
}

static inline int takeArray(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length) {
  bool is;
  // What Node-API has no name for leaves it as it is.
  napi_typedarray_type type = napi_int8_array;
  return napi_is_typedarray(env, value, &is) == napi_ok && is &&
         napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted;
}

static inline void define(napi_env env, napi_value exports, const char *name, napi_callback function, void *data) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value);
  napi_set_named_property(env, exports, name, value);
}

/* seal.c: adds what seals to the exports. */
__attribute__((visibility("hidden"))) void exportSealing(napi_env env, napi_value exports);

#endif
