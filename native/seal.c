/*
 * Sealing and opening of datagrams (RFC 5116) with the OpenSSL that is in Node, for Node through Node-API (src/udp/native-seal.ts is
 * the only caller). node:crypto makes an object for each datagram, and the results are objects, too, which takes ten times what the
 * cipher takes; here a thread has one context for each cipher and direction, which gets another key and nonce each time. Whatever is
 * wrong with an argument is a TypeError. Nothing is allocated after the first call of a kind.
 *
 * Not every Node lets others see its OpenSSL: its functions are declared here, weakly. Where one is not there, or a known datagram is not
 * sealed and opened as it should be, `seals` is false.
 */
#define _DEFAULT_SOURCE
#include "arguments.h"
#include <stdlib.h>
#include <string.h>

typedef struct evp_cipher_st EVP_CIPHER;
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;

#define WEAK __attribute__((weak))
WEAK EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
WEAK void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context);
WEAK int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *context, int type, int number, void *data);
WEAK int EVP_CipherInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, void *engine, const uint8_t *key, const uint8_t *nonce,
                           int encrypts);
WEAK int EVP_CipherUpdate(EVP_CIPHER_CTX *context, uint8_t *out, int *written, const uint8_t *in, int length);
WEAK int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, uint8_t *out, int *written);
WEAK const EVP_CIPHER *EVP_aes_256_gcm(void);
WEAK const EVP_CIPHER *EVP_chacha20_poly1305(void);
WEAK void ERR_clear_error(void);

enum { GET_TAG = 0x10, SET_TAG = 0x11 };
enum { OPENING, SEALING, DIRECTIONS };
enum { AES_256_GCM, CHACHA20_POLY1305, CIPHERS };
enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, MAX_DATAGRAM = 65535 };

/* What a thread has. */
typedef struct {
  EVP_CIPHER_CTX *contexts[CIPHERS][DIRECTIONS];
  /* What is opened, until its tag is known to be right. */
  uint8_t opened[MAX_DATAGRAM];
} Sealer;

/* What becomes of a datagram; BROKEN: the cipher does not work. */
typedef enum { GOOD, WRONG, BROKEN } Outcome;

/* A call's arguments: bytes[start..clearEnd) is authenticated, bytes[clearEnd..end) is sealed as well. */
typedef struct {
  EVP_CIPHER_CTX *context;
  const uint8_t *secret;
  uint8_t *clear;
  int clearBytes;
  uint8_t *closed;
  int closedBytes;
  uint8_t *opened;
} Datagram;

static int hasOpenSsl(void) {
  return EVP_CIPHER_CTX_new && EVP_CIPHER_CTX_free && EVP_CIPHER_CTX_ctrl && EVP_CipherInit_ex && EVP_CipherUpdate &&
         EVP_CipherFinal_ex && EVP_aes_256_gcm && EVP_chacha20_poly1305 && ERR_clear_error;
}

static EVP_CIPHER_CTX *contextOf(Sealer *sealer, int cipher, int direction) {
  EVP_CIPHER_CTX **context = &sealer->contexts[cipher][direction];
  if (*context != NULL) return *context;
  *context = EVP_CIPHER_CTX_new();
  if (*context == NULL) return NULL;
  const EVP_CIPHER *which = cipher == AES_256_GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
  if (EVP_CipherInit_ex(*context, which, NULL, NULL, NULL, direction == SEALING) == 1) return *context;
  EVP_CIPHER_CTX_free(*context);
  *context = NULL;
  return NULL;
}

/* (cipher, secret, bytes, start, clearEnd, end): `secret` is a key with a nonce behind it, and `room` is what has to be behind `end`. 0: refused. */
static int take(napi_env env, napi_callback_info info, int direction, int room, Datagram *out) {
  size_t argc = 6, secretBytes, byteCount;
  napi_value args[6];
  Sealer *sealer;
  uint8_t *secret, *bytes;
  int32_t cipher, start, clearEnd, end;
  if (napi_get_cb_info(env, info, &argc, args, NULL, (void **)&sealer) != napi_ok || argc < 6) return 0;
  if (!takeInt(env, args[0], 0, CIPHERS - 1, &cipher) || !takeArray(env, args[1], napi_uint8_array, (void **)&secret, &secretBytes) ||
      secretBytes != KEY_BYTES + NONCE_BYTES || !takeArray(env, args[2], napi_uint8_array, (void **)&bytes, &byteCount))
    return 0;
  if (byteCount > INT32_MAX || byteCount < (size_t)room) return 0;
  if (!takeInt(env, args[5], 0, (int32_t)byteCount - room, &end) || !takeInt(env, args[4], 0, end, &clearEnd) ||
      !takeInt(env, args[3], 0, clearEnd, &start) || end - start > MAX_DATAGRAM)
    return 0;
  *out = (Datagram){.context = contextOf(sealer, cipher, direction), .secret = secret, .opened = sealer->opened};
  out->clear = bytes + start;
  out->clearBytes = clearEnd - start;
  out->closed = bytes + clearEnd;
  out->closedBytes = end - clearEnd;
  return 1;
}

static int begin(const Datagram *datagram, int direction) {
  int written;
  return datagram->context != NULL &&
         EVP_CipherInit_ex(datagram->context, NULL, NULL, datagram->secret, datagram->secret + KEY_BYTES, direction == SEALING) == 1 &&
         (datagram->clearBytes == 0 ||
          EVP_CipherUpdate(datagram->context, NULL, &written, datagram->clear, datagram->clearBytes) == 1);
}

static Outcome sealDatagram(const Datagram *datagram) {
  uint8_t *closed = datagram->closed;
  int length = datagram->closedBytes, written;
  int isDone = begin(datagram, SEALING) && (length == 0 || EVP_CipherUpdate(datagram->context, closed, &written, closed, length) == 1) &&
               EVP_CipherFinal_ex(datagram->context, closed + length, &written) == 1 &&
               EVP_CIPHER_CTX_ctrl(datagram->context, GET_TAG, TAG_BYTES, closed + length) == 1;
  return isDone ? GOOD : BROKEN;
}

static Outcome openDatagram(const Datagram *datagram) {
  uint8_t *closed = datagram->closed;
  int length = datagram->closedBytes - TAG_BYTES, written;
  if (length < 0) return WRONG;
  if (!begin(datagram, OPENING) || (length > 0 && EVP_CipherUpdate(datagram->context, datagram->opened, &written, closed, length) != 1) ||
      EVP_CIPHER_CTX_ctrl(datagram->context, SET_TAG, TAG_BYTES, closed + length) != 1)
    return BROKEN;
  if (EVP_CipherFinal_ex(datagram->context, datagram->opened, &written) != 1) return WRONG;
  memcpy(closed, datagram->opened, (size_t)length);
  return GOOD;
}

/* Nothing of what OpenSSL says of it stays for others to find. */
static napi_value fail(napi_env env, const char *call) {
  ERR_clear_error();
  napi_throw_error(env, "ERR_CRYPTO_OPERATION_FAILED", call);
  return NULL;
}

/* seal(cipher, secret, bytes, start, clearEnd, end): in its place, with the tag behind it. */
static napi_value seal(napi_env env, napi_callback_info info) {
  Datagram datagram;
  if (!take(env, info, SEALING, TAG_BYTES, &datagram)) return refuse(env, "seal(cipher, secret, bytes, start, clearEnd, end)");
  return sealDatagram(&datagram) == GOOD ? NULL : fail(env, "seal");
}

/* unseal(cipher, secret, bytes, start, clearEnd, end): `end` is behind the tag. False: that is not right, and nothing has changed. */
static napi_value unseal(napi_env env, napi_callback_info info) {
  Datagram datagram;
  napi_value result;
  if (!take(env, info, OPENING, 0, &datagram)) return refuse(env, "unseal(cipher, secret, bytes, start, clearEnd, end)");
  Outcome outcome = openDatagram(&datagram);
  if (outcome == BROKEN) return fail(env, "unseal");
  if (outcome == WRONG) ERR_clear_error();
  napi_get_boolean(env, outcome == GOOD, &result);
  return result;
}

/* Seals and opens a datagram of zeros, with a key and a nonce of zeros and nothing in clear: the tags are those of any implementation. */
static int works(Sealer *sealer) {
  static const uint8_t TAGS[CIPHERS][TAG_BYTES] = {
    {0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19},
    {0xc3, 0x4a, 0x88, 0x04, 0x73, 0x20, 0xf5, 0x2a, 0xa2, 0xc6, 0x68, 0x3e, 0xf8, 0x08, 0x4d, 0x2f},
  };
  static const uint8_t SECRET[KEY_BYTES + NONCE_BYTES];
  for (int cipher = 0; cipher < CIPHERS; cipher++) {
    uint8_t bytes[2 * TAG_BYTES] = {0};
    Datagram datagram = {.secret = SECRET, .clear = bytes, .closed = bytes, .closedBytes = TAG_BYTES, .opened = sealer->opened};
    datagram.context = contextOf(sealer, cipher, SEALING);
    if (sealDatagram(&datagram) != GOOD || memcmp(bytes + TAG_BYTES, TAGS[cipher], TAG_BYTES) != 0) return 0;
    datagram.context = contextOf(sealer, cipher, OPENING);
    datagram.closedBytes = sizeof bytes;
    if (openDatagram(&datagram) != GOOD || memcmp(bytes, SECRET, TAG_BYTES) != 0) return 0;
    bytes[0] ^= 1;
    if (openDatagram(&datagram) != WRONG) return 0;
  }
  ERR_clear_error();
  return 1;
}

/* The environment ends, and nothing calls any more. */
static void freeSealer(void *data) {
  Sealer *sealer = data;
  for (int cipher = 0; cipher < CIPHERS; cipher++)
    for (int direction = 0; direction < DIRECTIONS; direction++)
      if (sealer->contexts[cipher][direction] != NULL) EVP_CIPHER_CTX_free(sealer->contexts[cipher][direction]);
  explicit_bzero(sealer, sizeof *sealer);
  free(sealer);
}

void exportSealing(napi_env env, napi_value exports) {
  Sealer *sealer = hasOpenSsl() ? calloc(1, sizeof *sealer) : NULL;
  if (sealer != NULL && (!works(sealer) || napi_add_env_cleanup_hook(env, freeSealer, sealer) != napi_ok)) {
    freeSealer(sealer);
    sealer = NULL;
  }
  napi_value seals;
  napi_get_boolean(env, sealer != NULL, &seals);
  napi_set_named_property(env, exports, "seals", seals);
  if (sealer == NULL) return;
  define(env, exports, "seal", seal, sealer);
  define(env, exports, "unseal", unseal, sealer);
}
