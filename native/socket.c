/*
 * UDP sockets that read and write many datagrams with one system call, for Node through Node-API (src/udp/native-socket.ts
 * is the only caller). Linux: recvmmsg and sendmmsg; datagrams of one length to one address in a row leave as one
 * (UDP_SEGMENT), and arrive so (UDP_GRO), where the kernel can. Whatever is wrong with an argument is a TypeError; what the
 * network does is a number. Nothing is allocated after a socket is open. Not here: any protocol.
 */
#define _GNU_SOURCE
#include "arguments.h"
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* A datagram as numbers: where its bytes are, how many, the port, four words of address (IPv4: the last), a scope, a segment's bytes. */
enum { AT, LENGTH, PORT, WORD0, WORD1, WORD2, WORD3, SCOPE, SEGMENT, FIELDS };

enum { READ_SLOTS = 32, SEND_BATCH = 64, MAX_DATAGRAM = 65535, MAX_SEGMENTS = 64, MAX_GSO_BYTES = 65000 };
/* Slots begin at different lines of the caches. */
enum { SLOT_BYTES = MAX_DATAGRAM + 1 + 320 };
enum { LARGE_BLOCK_BYTES = 4 << 20 };

/*
 * What a thread reads into. It is freed with the environment and not before, whatever becomes of the arrays that show it: one that is
 * transferred takes along the sight of it, not the memory.
 */
typedef struct {
  uint8_t *bytes;
  uint32_t *fields;
  napi_ref shown;
} Area;

typedef struct {
  uv_poll_t *poll;
  napi_env env;
  napi_ref onEvent;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  Area *area;
  /* The object and the handle: the last of them frees this. */
  int owners;
  int fd;
  int family;
  int segments;
  int isClosing;
  int isResting;
  int isWatchingWrites;
} Socket;

static const napi_type_tag SOCKET_TAG = {0x7374617264757374ULL, 0x756470736f636b31ULL};

/* An error as Node's own are: with its code, the negative number and the call. */
static napi_value fail(napi_env env, int number, const char *call) {
  char text[128];
  snprintf(text, sizeof text, "%s %s", call, uv_err_name(-number));
  napi_value message, code, error, name, value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_string_utf8(env, uv_err_name(-number), NAPI_AUTO_LENGTH, &code);
  napi_create_error(env, code, message, &error);
  napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, error, "syscall", name);
  napi_create_int32(env, -number, &value);
  napi_set_named_property(env, error, "errno", value);
  napi_throw(env, error);
  return NULL;
}

static int takeText(napi_env env, napi_value value, char *out, size_t size) {
  size_t length;
  return napi_get_value_string_utf8(env, value, out, size, &length) == napi_ok && length < size - 1 && strlen(out) == length;
}

static Socket *takeSocket(napi_env env, napi_value value) {
  bool is = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &SOCKET_TAG, &is) != napi_ok || !is) return NULL;
  if (napi_unwrap(env, value, &data) != napi_ok) return NULL;
  return data;
}

static void toAddress(const Socket *socket, const uint32_t *fields, struct sockaddr_storage *out, socklen_t *length) {
  memset(out, 0, sizeof *out);
  if (socket->family == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons(fields[PORT]);
    in->sin_addr.s_addr = htonl(fields[WORD3]);
    *length = sizeof *in;
  } else {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(fields[PORT]);
    in->sin6_scope_id = fields[SCOPE];
    for (int i = 0; i < 4; i++) {
      uint32_t word = htonl(fields[WORD0 + i]);
      memcpy(in->sin6_addr.s6_addr + 4 * i, &word, 4);
    }
    *length = sizeof *in;
  }
}

static void fromAddress(const struct sockaddr_storage *address, uint32_t *fields) {
  memset(fields + PORT, 0, (SEGMENT - PORT) * sizeof *fields);
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    fields[PORT] = ntohs(in->sin_port);
    fields[WORD3] = ntohl(in->sin_addr.s_addr);
  } else {
    const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
    fields[PORT] = ntohs(in->sin6_port);
    fields[SCOPE] = in->sin6_scope_id;
    for (int i = 0; i < 4; i++) {
      uint32_t word;
      memcpy(&word, in->sin6_addr.s6_addr + 4 * i, 4);
      fields[WORD0 + i] = ntohl(word);
    }
  }
}

/* Reads once, as much as there are slots; how many have something. */
static int receive(Socket *socket) {
  struct mmsghdr messages[READ_SLOTS];
  struct iovec vectors[READ_SLOTS];
  struct sockaddr_storage addresses[READ_SLOTS];
  _Alignas(struct cmsghdr) char control[READ_SLOTS][CMSG_SPACE(sizeof(int))];
  for (int i = 0; i < READ_SLOTS; i++) {
    vectors[i] = (struct iovec){socket->area->bytes + (size_t)i * SLOT_BYTES, MAX_DATAGRAM};
    messages[i].msg_hdr = (struct msghdr){&addresses[i], sizeof addresses[i], &vectors[i], 1, control[i], sizeof control[i], 0};
  }
  int count;
  do count = recvmmsg(socket->fd, messages, READ_SLOTS, MSG_DONTWAIT, NULL);
  while (count < 0 && errno == EINTR);
  for (int i = 0; i < count; i++) {
    uint32_t *fields = socket->area->fields + i * FIELDS;
    fields[AT] = (uint32_t)(i * SLOT_BYTES);
    fields[LENGTH] = messages[i].msg_len;
    fromAddress(&addresses[i], fields);
    fields[SEGMENT] = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c != NULL; c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
      int segment;
      if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
      memcpy(&segment, CMSG_DATA(c), sizeof segment);
      if (segment > 0) fields[SEGMENT] = (uint32_t)segment;
    }
  }
  return count;
}

/*
 * Tells JavaScript. What it throws is an uncaught exception, as one of an event listener is; where the process survives that, it goes on
 * with what it has not seen (event 0).
 */
static void call(Socket *socket, int32_t event) {
  napi_env env = socket->env;
  napi_handle_scope scope;
  napi_value global, callback, argument, error;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  for (;; event = 0) {
    if (napi_get_global(env, &global) != napi_ok || napi_get_reference_value(env, socket->onEvent, &callback) != napi_ok ||
        napi_create_int32(env, event, &argument) != napi_ok)
      break;
    // Anything but these two: the environment ends, and nothing is called in it any more.
    if (napi_make_callback(env, socket->context, global, callback, 1, &argument, NULL) != napi_pending_exception) break;
    if (napi_get_and_clear_last_exception(env, &error) != napi_ok || napi_fatal_exception(env, error) != napi_ok) break;
  }
  napi_close_handle_scope(env, scope);
}

static void watch(Socket *socket);

static void onPoll(uv_poll_t *poll, int status, int events) {
  Socket *socket = poll->data;
  if (status < 0) {
    // libuv has stopped to watch a socket with an error, which is taken from it so.
    int error;
    socklen_t size = sizeof error;
    getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    watch(socket);
  }
  if ((status < 0 || (events & UV_WRITABLE)) && socket->isWatchingWrites) {
    socket->isWatchingWrites = 0;
    watch(socket);
    call(socket, -1);
    if (socket->isClosing) return;
  }
  if (status < 0 || (events & UV_READABLE)) {
    int count = receive(socket);
    if (count > 0) call(socket, count);
  }
}

static void watch(Socket *socket) {
  int events = (socket->isResting ? 0 : UV_READABLE) | (socket->isWatchingWrites ? UV_WRITABLE : 0);
  if (events == 0) uv_poll_stop(socket->poll);
  else uv_poll_start(socket->poll, events, onPoll);
}

static void release(Socket *socket) {
  if (--socket->owners == 0) free(socket);
}

/* The handle is closed: the environment may end, and who holds the callback be forgotten. */
static void onClosed(uv_handle_t *handle) {
  Socket *socket = handle->data;
  free(handle);
  if (socket->onEvent != NULL) napi_delete_reference(socket->env, socket->onEvent);
  if (socket->context != NULL) napi_async_destroy(socket->env, socket->context);
  if (socket->cleanup != NULL) napi_remove_async_cleanup_hook(socket->cleanup);
  release(socket);
}

static void startClosing(Socket *socket) {
  if (socket->isClosing) return;
  socket->isClosing = 1;
  uv_close((uv_handle_t *)socket->poll, onClosed);
  // At once, as libuv allows: the port is free.
  close(socket->fd);
  socket->fd = -1;
}

/* The environment ends: a worker that is stopped, or the process. */
static void onCleanup(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  startClosing(data);
}

/* Its callback holds the object: this is after the handle was closed. */
static void onCollected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  release(data);
}

/* A socket of a bound descriptor, which is its own from now on. */
static napi_value adopt(napi_env env, Area *area, int fd, int family, int segments, napi_value onEvent) {
  uv_loop_t *loop;
  Socket *made = calloc(1, sizeof *made);
  uv_poll_t *poll = calloc(1, uv_handle_size(UV_POLL));
  if (made == NULL || poll == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, poll, fd) != 0) {
    free(made);
    free(poll);
    close(fd);
    return fail(env, ENOMEM, "open");
  }
  *made = (Socket){.poll = poll, .env = env, .area = area, .owners = 1, .fd = fd, .family = family, .segments = segments};
  poll->data = made;
  napi_value object, name;
  int isMade = napi_create_object(env, &object) == napi_ok &&
               napi_create_string_utf8(env, "STARDUST_SOCKET", NAPI_AUTO_LENGTH, &name) == napi_ok &&
               napi_create_reference(env, onEvent, 1, &made->onEvent) == napi_ok &&
               napi_async_init(env, object, name, &made->context) == napi_ok &&
               napi_add_async_cleanup_hook(env, onCleanup, made, &made->cleanup) == napi_ok &&
               napi_type_tag_object(env, object, &SOCKET_TAG) == napi_ok;
  if (isMade && napi_wrap(env, object, made, onCollected, NULL, NULL) == napi_ok) {
    made->owners = 2;
    watch(made);
    return object;
  }
  startClosing(made);
  bool isThrown = false;
  napi_is_exception_pending(env, &isThrown);
  return isThrown ? NULL : fail(env, ENOMEM, "open");
}

/*
 * Once more is free at the end of an arena than twice the largest block that was mapped by itself and freed, glibc gives it back to the
 * system: pages that the next messages touch anew. So it is shown such a block. Who has set its thresholds has switched this learning off.
 */
static void teachToKeep(void) {
  static atomic_flag isTaught = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&isTaught)) return;
  void *volatile block = malloc(LARGE_BLOCK_BYTES);
  free(block);
}

/* open(address, port, ipv6Only, bufferBytes, onEvent): an object. onEvent(n): n > 0 datagrams are in the area; -1: it may be written again. */
static napi_value openSocket(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value args[5];
  Area *area;
  char text[64];
  int32_t port, bufferBytes;
  bool ipv6Only;
  napi_valuetype type;
  napi_get_cb_info(env, info, &count, args, NULL, (void **)&area);
  if (count < 5 || !takeText(env, args[0], text, sizeof text) || !takeInt(env, args[1], 0, 65535, &port) ||
      napi_get_value_bool(env, args[2], &ipv6Only) != napi_ok || !takeInt(env, args[3], 0, INT32_MAX, &bufferBytes) ||
      napi_typeof(env, args[4], &type) != napi_ok || type != napi_function)
    return refuse(env, "open(address, port, ipv6Only, bufferBytes, onEvent)");
  if (area->bytes == NULL) return refuse(env, "open: area comes first");
  teachToKeep();

  struct sockaddr_storage address;
  memset(&address, 0, sizeof address);
  socklen_t length = sizeof(struct sockaddr_in);
  int failed = uv_ip4_addr(text, port, (struct sockaddr_in *)&address);
  if (failed != 0) {
    length = sizeof(struct sockaddr_in6);
    failed = uv_ip6_addr(text, port, (struct sockaddr_in6 *)&address);
  }
  if (failed != 0) return fail(env, -failed, "bind");

  int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(env, errno, "socket");
  int only = ipv6Only ? 1 : 0, one = 1;
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (bufferBytes > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bufferBytes, sizeof bufferBytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bufferBytes, sizeof bufferBytes);
  }
  setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);
  int none = 0;
  int segments = setsockopt(fd, SOL_UDP, UDP_SEGMENT, &none, sizeof none) == 0;
  if (bind(fd, (struct sockaddr *)&address, length) != 0) {
    int error = errno;
    close(fd);
    return fail(env, error, "bind");
  }

  return adopt(env, area, fd, address.ss_family, segments, args[4]);
}

/* local(socket, fields): writes port and address that it is bound to; the receive buffer that was granted. */
static napi_value localOf(napi_env env, napi_callback_info info) {
  size_t count = 2, length;
  napi_value args[2];
  uint32_t *fields;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Socket *socket = count < 2 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL || socket->isClosing || !takeArray(env, args[1], napi_uint32_array, (void **)&fields, &length) || length < FIELDS)
    return refuse(env, "local(socket, fields)");
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(socket->fd, (struct sockaddr *)&address, &size) != 0) return fail(env, errno, "getsockname");
  fromAddress(&address, fields);
  int granted = 0;
  size = sizeof granted;
  getsockopt(socket->fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  return number(env, granted);
}

/*
 * send(socket, bytes, fields, from, to): sends the datagrams `from` to `to`, each where `fields` says, and returns the first that
 * is left because the system's buffer is full. What the network refuses is lost.
 */
static napi_value sendBatch(napi_env env, napi_callback_info info) {
  size_t argc = 5, byteCount, fieldCount;
  napi_value args[5];
  uint8_t *bytes;
  uint32_t *fields;
  int32_t from, to;
  napi_get_cb_info(env, info, &argc, args, NULL, NULL);
  Socket *socket = argc < 5 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL || !takeArray(env, args[1], napi_uint8_array, (void **)&bytes, &byteCount) ||
      !takeArray(env, args[2], napi_uint32_array, (void **)&fields, &fieldCount) ||
      !takeInt(env, args[4], 0, (int32_t)(fieldCount / FIELDS), &to) || !takeInt(env, args[3], 0, to, &from))
    return refuse(env, "send(socket, bytes, fields, from, to)");
  for (int i = from; i < to; i++) {
    const uint32_t *f = fields + (size_t)i * FIELDS;
    if (f[LENGTH] > MAX_DATAGRAM || f[AT] > byteCount || f[LENGTH] > byteCount - f[AT] || f[PORT] > 65535)
      return refuse(env, "send: a datagram outside of its bytes");
  }
  if (socket->isClosing) return number(env, to);

  // Those before it are sent one by one: their way takes no segments of such a size.
  int alone = from;
  while (from < to) {
    struct mmsghdr messages[SEND_BATCH];
    struct iovec vectors[SEND_BATCH];
    struct sockaddr_storage addresses[SEND_BATCH];
    int ends[SEND_BATCH];
    _Alignas(struct cmsghdr) char control[SEND_BATCH][CMSG_SPACE(sizeof(uint16_t))];
    int count = 0;
    for (int i = from; i < to && count < SEND_BATCH; count++) {
      const uint32_t *first = fields + (size_t)i * FIELDS;
      struct msghdr *header = &messages[count].msg_hdr;
      *header = (struct msghdr){&addresses[count], 0, &vectors[count], 1, NULL, 0, 0};
      toAddress(socket, first, &addresses[count], &header->msg_namelen);
      size_t length = first[LENGTH];
      int segments = 1;
      int next = i + 1;
      // Those behind it that go to the same address, lie behind it and are as long, or shorter and the last.
      for (; socket->segments && i >= alone && first[LENGTH] > 0 && next < to && segments < MAX_SEGMENTS; next++) {
        const uint32_t *more = fields + (size_t)next * FIELDS;
        int isSame = more[AT] == first[AT] + length && more[LENGTH] > 0 && more[LENGTH] <= first[LENGTH] &&
                     length + more[LENGTH] <= MAX_GSO_BYTES && memcmp(more + PORT, first + PORT, (SEGMENT - PORT) * sizeof *more) == 0;
        if (!isSame) break;
        length += more[LENGTH];
        segments++;
        if (more[LENGTH] < first[LENGTH]) {
          next++;
          break;
        }
      }
      if (segments > 1) {
        memset(control[count], 0, sizeof control[count]);
        header->msg_control = control[count];
        header->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
        struct cmsghdr *c = CMSG_FIRSTHDR(header);
        uint16_t segment = (uint16_t)first[LENGTH];
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(c), &segment, sizeof segment);
      }
      vectors[count] = (struct iovec){bytes + first[AT], length};
      ends[count] = i = next;
    }
    int sent;
    do sent = sendmmsg(socket->fd, messages, count, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent > 0) {
      from = ends[sent - 1];
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return number(env, from);
    if (messages[0].msg_hdr.msg_controllen == 0) {
      from = ends[0];
    } else if (errno == EINVAL || errno == EMSGSIZE) {
      alone = ends[0];
    } else {
      // No segments at all: one by one from now on.
      socket->segments = 0;
    }
  }
  return number(env, to);
}

/* watchWrites(socket): onEvent(-1), once, when it may be written again. */
static napi_value watchWrites(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Socket *socket = count < 1 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL) return refuse(env, "watchWrites(socket)");
  if (socket->isClosing) return NULL;
  socket->isWatchingWrites = 1;
  watch(socket);
  return NULL;
}

/* watchReads(socket, is): whether what comes is read; what is not, lies in the system's buffer. */
static napi_value watchReads(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value args[2];
  bool is;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Socket *socket = count < 2 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL || napi_get_value_bool(env, args[1], &is) != napi_ok) return refuse(env, "watchReads(socket, is)");
  if (socket->isClosing) return NULL;
  socket->isResting = !is;
  watch(socket);
  return NULL;
}

static napi_value unref(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Socket *socket = count < 1 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL) return refuse(env, "unref(socket)");
  if (!socket->isClosing) uv_unref((uv_handle_t *)socket->poll);
  return NULL;
}

static napi_value closeSocket(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value args[1];
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  Socket *socket = count < 1 ? NULL : takeSocket(env, args[0]);
  if (socket == NULL) return refuse(env, "close(socket)");
  startClosing(socket);
  return NULL;
}

/* parse(isSocket6, text, fields): writes the words of an address; false: it is none. */
static napi_value parse(napi_env env, napi_callback_info info) {
  size_t count = 3, length;
  napi_value args[3], result;
  bool isSocket6;
  char text[64];
  uint32_t *fields;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (count < 3 || napi_get_value_bool(env, args[0], &isSocket6) != napi_ok ||
      !takeArray(env, args[2], napi_uint32_array, (void **)&fields, &length) || length < FIELDS)
    return refuse(env, "parse(isSocket6, text, fields)");
  struct sockaddr_storage address;
  memset(&address, 0, sizeof address);
  int failed = !takeText(env, args[1], text, sizeof text) ||
               (isSocket6 ? uv_ip6_addr(text, 0, (struct sockaddr_in6 *)&address) : uv_ip4_addr(text, 0, (struct sockaddr_in *)&address));
  if (!failed) fromAddress(&address, fields);
  napi_get_boolean(env, !failed, &result);
  return result;
}

/* text(isSocket6, fields, at): the address of the datagram `at`, as Node writes it. */
static napi_value textOf(napi_env env, napi_callback_info info) {
  size_t count = 3, length;
  napi_value args[3], result;
  bool isSocket6;
  uint32_t *fields;
  int32_t at;
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (count < 3 || napi_get_value_bool(env, args[0], &isSocket6) != napi_ok ||
      !takeArray(env, args[1], napi_uint32_array, (void **)&fields, &length) ||
      length < FIELDS || !takeInt(env, args[2], 0, (int32_t)(length / FIELDS) - 1, &at))
    return refuse(env, "text(isSocket6, fields, at)");
  char text[INET6_ADDRSTRLEN + 1 + UV_IF_NAMESIZE];
  struct sockaddr_storage address;
  socklen_t size;
  Socket like = {.family = isSocket6 ? AF_INET6 : AF_INET};
  toAddress(&like, fields + (size_t)at * FIELDS, &address, &size);
  if (!isSocket6) {
    uv_inet_ntop(AF_INET, &((struct sockaddr_in *)&address)->sin_addr, text, sizeof text);
  } else {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address;
    uv_inet_ntop(AF_INET6, &in->sin6_addr, text, INET6_ADDRSTRLEN);
    size_t used = strlen(text), name = UV_IF_NAMESIZE;
    if (IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr) && in->sin6_scope_id > 0) {
      text[used] = '%';
      if (uv_if_indextoiid(in->sin6_scope_id, text + used + 1, &name) != 0) text[used] = '\0';
    }
  }
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

static void freeArea(napi_env env, void *data, void *hint) {
  (void)hint;
  Area *area = data;
  if (area->shown != NULL) napi_delete_reference(env, area->shown);
  free(area->bytes);
  free(area);
}

/* Of a view of the area: it is the area's to free. */
static void onViewCollected(napi_env env, void *data, void *hint) {
  (void)env;
  (void)data;
  (void)hint;
}

/* area(): { bytes, fields } that this thread reads into, the same at every call. */
static napi_value areaOf(napi_env env, napi_callback_info info) {
  size_t count = 0;
  Area *area;
  napi_value buffer, bytes, fields, result;
  napi_get_cb_info(env, info, &count, NULL, NULL, (void **)&area);
  if (area->shown != NULL) {
    if (napi_get_reference_value(env, area->shown, &result) != napi_ok) return refuse(env, "area");
    return result;
  }
  size_t fieldsAt = (size_t)READ_SLOTS * SLOT_BYTES, size = fieldsAt + READ_SLOTS * FIELDS * sizeof(uint32_t);
  if (area->bytes == NULL) area->bytes = calloc(1, size);
  if (area->bytes == NULL) return fail(env, ENOMEM, "area");
  area->fields = (uint32_t *)(area->bytes + fieldsAt);
  if (napi_create_external_arraybuffer(env, area->bytes, size, onViewCollected, NULL, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_uint8_array, fieldsAt, buffer, 0, &bytes) != napi_ok ||
      napi_create_typedarray(env, napi_uint32_array, READ_SLOTS * FIELDS, buffer, fieldsAt, &fields) != napi_ok ||
      napi_create_object(env, &result) != napi_ok || napi_set_named_property(env, result, "bytes", bytes) != napi_ok ||
      napi_set_named_property(env, result, "fields", fields) != napi_ok || napi_create_reference(env, result, 1, &area->shown) != napi_ok)
    return fail(env, ENOTSUP, "area");
  return result;
}

NAPI_MODULE_INIT() {
  Area *area = calloc(1, sizeof *area);
  if (area == NULL) return exports;
  if (napi_set_instance_data(env, area, freeArea, NULL) != napi_ok) return exports;
  define(env, exports, "area", areaOf, area);
  define(env, exports, "open", openSocket, area);
  define(env, exports, "local", localOf, NULL);
  define(env, exports, "send", sendBatch, NULL);
  define(env, exports, "watchWrites", watchWrites, NULL);
  define(env, exports, "watchReads", watchReads, NULL);
  define(env, exports, "unref", unref, NULL);
  define(env, exports, "close", closeSocket, NULL);
  define(env, exports, "parse", parse, NULL);
  define(env, exports, "text", textOf, NULL);
  napi_set_named_property(env, exports, "slots", number(env, READ_SLOTS));
  exportSealing(env, exports);
  return exports;
}
