/*
 * One end of a network benchmark on ENet, in C: what end.js is for the protocols that run in Node. Options are given as
 * key=value; it says in lines of JSON when it is ready and answers the lines start, mark, stop and quit.
 *
 * Fair settings: -O2, one thread, one host for each client (players do not share a socket), no compression, no checksum, no
 * bandwidth limits (0), an event loop that sleeps in poll until something arrives or is due. Everything else is ENet's default.
 */
#define _GNU_SOURCE
#include <enet/enet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SALT 0x5bd1e995u
#define WORDS_BYTES 32
#define MAX_SAMPLES (1 << 20)
/* As many clients join at once as in end.js. */
#define JOINING 32
/* Messages that may wait or be on the way: ENet refuses none, and a queue without bound is no fair race. */
#define MAX_OUTSTANDING_BYTES (256 * 1024)
#define MAX_OUTSTANDING_MESSAGES 4096

static struct {
  int server, port, clients, first, passing, visiting, up, down, burst;
  double every_ms, hz;
  char work[16], delivery[32], host[64];
} o = {.clients = 1, .first = -1, .up = 32, .burst = 1, .hz = 20, .host = "127.0.0.1"};

static double received, sent, bad, late, connected;
static double outstanding, outstanding_bytes;
static uint32_t *samples;
static uint32_t sample_count;
static int running, timed, echoes, is_reliable, is_silent;

typedef struct { ENetHost *host; ENetPeer *peer; uint32_t sequence; uint32_t serviced; } Client;
static Client *clients;
static int epoll, joined;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
static uint32_t stamp(void) { return (uint32_t)(uint64_t)now_us(); }

static uint32_t get(const unsigned char *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static void set(unsigned char *p, uint32_t v) { memcpy(p, &v, 4); }

static void put(unsigned char *p, int size, uint32_t sequence, uint32_t at) {
  set(p, sequence);
  set(p + 4, at);
  set(p + 8, sequence ^ at ^ SALT);
  if (size == WORDS_BYTES) for (int i = 1; i <= 5; i++) set(p + 8 + 4 * i, sequence + i);
  else set(p + size - 4, sequence);
}

static int is_good(const unsigned char *p, size_t size, size_t wanted) {
  if (size != wanted) return 0;
  uint32_t sequence = get(p);
  if (get(p + 8) != (sequence ^ get(p + 4) ^ SALT)) return 0;
  if (size != WORDS_BYTES) return get(p + size - 4) == sequence;
  for (int i = 1; i <= 5; i++) if (get(p + 8 + 4 * i) != sequence + i) return 0;
  return 1;
}

static void freed(ENetPacket *packet) {
  outstanding--;
  outstanding_bytes -= packet->dataLength;
}

/* ENet's unreliable packets are sequenced; those of a stream that may come in any order are unsequenced. */
static ENetPacket *packet_of(int size, uint32_t sequence, uint32_t at) {
  int flags = is_reliable ? ENET_PACKET_FLAG_RELIABLE
              : !strcmp(o.delivery, "unreliable") ? ENET_PACKET_FLAG_UNSEQUENCED : 0;
  ENetPacket *packet = enet_packet_create(NULL, size, flags);
  put(packet->data, size, sequence, at);
  return packet;
}

static int client_send(Client *c, uint32_t at) {
  if (outstanding >= MAX_OUTSTANDING_MESSAGES ||
      (outstanding > 0 && outstanding_bytes + o.up > MAX_OUTSTANDING_BYTES && o.up < MAX_OUTSTANDING_BYTES) ||
      (o.up >= MAX_OUTSTANDING_BYTES && outstanding >= 4))
    return 0;
  ENetPacket *packet = packet_of(o.up, c->sequence, at);
  packet->freeCallback = freed;
  outstanding++;
  outstanding_bytes += o.up;
  if (enet_peer_send(c->peer, 0, packet) < 0) { enet_packet_destroy(packet); return 0; }
  c->sequence++;
  sent++;
  return 1;
}

static void take(ENetEvent *event) {
  unsigned char *p = event->packet->data;
  received++;
  if (o.server) {
    if (!is_good(p, event->packet->dataLength, o.up)) bad++;
    uintptr_t next = (uintptr_t)event->peer->data;
    if (get(p) + 1 <= next && strcmp(o.delivery, "unreliable")) late++;
    event->peer->data = (void *)(uintptr_t)(get(p) + 1);
    if (echoes) enet_peer_send(event->peer, 0, packet_of(o.down, get(p), get(p + 4)));
  } else {
    if (!is_good(p, event->packet->dataLength, o.down)) bad++;
  }
  if (timed && sample_count < MAX_SAMPLES) samples[sample_count++] = stamp() - get(p + 4);
  enet_packet_destroy(event->packet);
}

static void handle(ENetEvent *event) {
  if (event->type == ENET_EVENT_TYPE_CONNECT) { connected++; event->peer->data = 0; }
  if (event->type == ENET_EVENT_TYPE_DISCONNECT) connected--;
  if (event->type == ENET_EVENT_TYPE_RECEIVE) take(event);
}

/* Reads and sends all that there is. */
static void service(ENetHost *host) {
  ENetEvent event;
  if (enet_host_service(host, &event, 0) > 0) {
    do handle(&event); while (enet_host_check_events(host, &event) > 0);
    enet_host_flush(host);
  }
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static uint32_t percentile(double share) {
  if (sample_count == 0) return 0;
  uint32_t at = sample_count * share;
  return samples[at < sample_count ? at : sample_count - 1];
}

static long rss_bytes(void) {
  long pages = 0, ignored;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file) { if (fscanf(file, "%ld %ld", &ignored, &pages) != 2) pages = 0; fclose(file); }
  return pages * sysconf(_SC_PAGESIZE);
}

static void mark(const char *name) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  double cpu = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
  printf("{\"%s\":{\"cpuUs\":%.0f,\"atUs\":%.0f,\"received\":%.0f,\"sent\":%.0f,\"bad\":%.0f,\"late\":%.0f,\"connected\":%.0f,\"rss\":%ld,\"live\":%ld",
         name, cpu, now_us(), received, sent, bad, late, connected, rss_bytes(), rss_bytes());
  if (timed) {
    qsort(samples, sample_count, 4, compare);
    printf(",\"latency\":{\"count\":%u,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"max\":%u}", sample_count,
           percentile(.5), percentile(.9), percentile(.99), percentile(1));
    sample_count = 0;
  }
  printf("}}\n");
  fflush(stdout);
}

static char line[256];
static size_t line_length;
static void join(int from, int to);
static void pass(int left);
static int is_joined;

/* Reads a command, if there is one. Returns 0 when the program is to end. */
static int command(void) {
  char c;
  ssize_t n = read(0, &c, 1);
  if (n <= 0) return 0;
  if (c != '\n') { if (line_length < sizeof line - 1) line[line_length++] = c; return 1; }
  line[line_length] = 0;
  line_length = 0;
  if (!strcmp(line, "quit")) return 0;
  if (!strcmp(line, "start")) {
    running = 1;
    if (!o.server && !is_joined) {
      pass(o.visiting);
      join(o.first, o.clients);
    }
  }
  if (!strcmp(line, "stop")) running = 0;
  mark(line);
  return 1;
}


static void serve(void) {
  ENetAddress address = {.port = 0};
  enet_address_set_host(&address, o.host);
  ENetHost *host = enet_host_create(&address, ENET_PROTOCOL_MAXIMUM_PEER_ID, 1, 0, 0);
  if (!host) { fprintf(stderr, "no host\n"); exit(1); }
  enet_socket_set_option(host->socket, ENET_SOCKOPT_RCVBUF, 4 << 20);
  enet_socket_set_option(host->socket, ENET_SOCKOPT_SNDBUF, 4 << 20);
  enet_socket_get_address(host->socket, &address);
  printf("{\"ready\":{\"port\":%d}}\n", address.port);
  fflush(stdout);
  int game = !strcmp(o.work, "game");
  double next = 0;
  uint32_t ticks = 0;
  for (;;) {
    double now = now_us();
    if (game && running) {
      if (next == 0) next = now;
      if (now >= next) {
        next += 1e6 / o.hz;
        if (host->connectedPeers > 0) {
          enet_host_broadcast(host, 0, packet_of(o.down, ticks++, stamp()));
          sent += host->connectedPeers;
          enet_host_flush(host);
        }
      }
    }
    /* ENet's own timers (resends, pings) are looked at each 10 ms, or with what arrives. */
    double wait_us = 10000;
    if (game && running && next - now < wait_us) wait_us = next > now ? next - now : 0;
    struct pollfd p[2] = {{.fd = host->socket, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    struct timespec t = {.tv_nsec = (long)(wait_us * 1000)};
    ppoll(p, 2, &t, NULL);
    if (p[1].revents && !command()) break;
    service(host);
  }
  enet_host_destroy(host);
}

static void wait_for(int from, int to) {
  for (;;) {
    int open = 0;
    for (int i = from; i < to; i++) {
      service(clients[i].host);
      if (clients[i].peer->state == ENET_PEER_STATE_CONNECTED) open++;
    }
    if (open == to - from) return;
    usleep(200);
  }
}

/* Who leaves says so, and is gone when the server has heard it. */
static void leave(int from, int to) {
  for (int i = from; i < to; i++) enet_peer_disconnect(clients[i].peer, 0);
  for (int gone = 0; gone < to - from;) {
    gone = 0;
    for (int i = from; i < to; i++) {
      service(clients[i].host);
      if (clients[i].peer->state == ENET_PEER_STATE_DISCONNECTED) gone++;
    }
    if (gone < to - from) usleep(200);
  }
  for (int i = from; i < to; i++) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, clients[i].host->socket, NULL);
    enet_host_destroy(clients[i].host);
  }
}

static void join(int from, int to) {
  ENetAddress address = {.port = o.port};
  enet_address_set_host(&address, o.host);
  for (int start = from; start < to; start += JOINING) {
    int end = start + JOINING < to ? start + JOINING : to;
    for (int i = start; i < end; i++) {
      clients[i].host = enet_host_create(NULL, 1, 1, 0, 0);
      if (!clients[i].host) { fprintf(stderr, "no host\n"); exit(1); }
      enet_socket_set_option(clients[i].host->socket, ENET_SOCKOPT_RCVBUF, 4 << 20);
      enet_socket_set_option(clients[i].host->socket, ENET_SOCKOPT_SNDBUF, 4 << 20);
      clients[i].peer = enet_host_connect(clients[i].host, &address, 1, 0);
      struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};
      epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].host->socket, &e);
    }
    wait_for(start, end);
  }
  joined = to;
  is_joined = to == o.clients;
}

/* They come and leave in the places of those that stay, as many at once as there are of them. */
static void pass(int left) {
  while (left > 0) {
    int some = left < JOINING ? left : JOINING;
    if (some > o.clients) some = o.clients;
    join(0, some);
    leave(0, some);
    left -= some;
  }
}

static void connect_all(void) {
  clients = calloc(o.clients, sizeof *clients);
  epoll = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)-1};
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &e);
  if (o.first < 0) o.first = o.clients;
  pass(o.passing);
  join(0, o.first);
  printf("{\"ready\":{}}\n");
  fflush(stdout);
  int streams = !strcmp(o.work, "stream");
  int spreads = (!strcmp(o.work, "game") && !is_silent) || echoes;
  double start = 0, next = 0, serviced = now_us();
  uint64_t turn = 0;
  for (;;) {
    double now = now_us();
    double wait_us = 10000;
    if (running && streams) for (int i = 0; i < o.clients; i++) {
      Client *c = &clients[i];
      if (o.every_ms == 0) {
        int b = 0;
        while (b < o.burst && client_send(c, 0)) b++;
        if (b > 0) wait_us = 0;
        enet_host_flush(c->host);
      } else {
        if (next == 0) next = now;
        if (now >= next) {
          uint32_t at = stamp();
          for (int b = 0; b < o.burst && client_send(c, at); b++);
          enet_host_flush(c->host);
          if (i == o.clients - 1) { next += o.every_ms * 1000; if (next < now) next = now; }
        }
        if (next - now < wait_us) wait_us = next > now ? next - now : 0;
      }
    }
    if (running && spreads) {
      if (start == 0) start = now;
      uint64_t due = (now - start) * o.hz / 1e6 * o.clients;
      if (due - turn > (uint64_t)o.clients) turn = due - o.clients;
      uint32_t at = stamp();
      for (; turn < due; turn++) { Client *c = &clients[turn % o.clients]; client_send(c, at); enet_host_flush(c->host); }
      wait_us = 1000;
    }
    struct epoll_event events[256];
    struct timespec t = {.tv_nsec = (long)(wait_us * 1000)};
    int n = epoll_pwait2(epoll, events, 256, &t, NULL);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u64 == (uint64_t)-1) { if (!command()) return; }
      else service(clients[events[i].data.u64].host);
    }
    if (now - serviced >= 10000) {
      for (int i = 0; i < joined; i++) service(clients[i].host);
      serviced = now;
    }
  }
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(argv[i], "role")) o.server = !strcmp(value, "server");
    if (!strcmp(argv[i], "port")) o.port = atoi(value);
    if (!strcmp(argv[i], "clients")) o.clients = atoi(value);
    if (!strcmp(argv[i], "firstClients")) o.first = atoi(value);
    if (!strcmp(argv[i], "passingClients")) o.passing = atoi(value);
    if (!strcmp(argv[i], "visitingClients")) o.visiting = atoi(value);
    if (!strcmp(argv[i], "upBytes")) o.up = atoi(value);
    if (!strcmp(argv[i], "downBytes")) o.down = atoi(value);
    if (!strcmp(argv[i], "burst")) o.burst = atoi(value);
    if (!strcmp(argv[i], "everyMs")) o.every_ms = atof(value);
    if (!strcmp(argv[i], "hz")) o.hz = atof(value);
    if (!strcmp(argv[i], "isSilent")) is_silent = !strcmp(value, "true");
    if (!strcmp(argv[i], "timed")) timed = !strcmp(value, "true");
    if (!strcmp(argv[i], "work")) snprintf(o.work, sizeof o.work, "%s", value);
    if (!strcmp(argv[i], "delivery")) snprintf(o.delivery, sizeof o.delivery, "%s", value);
    if (!strcmp(argv[i], "host")) snprintf(o.host, sizeof o.host, "%s", value);
  }
  if (!o.down) o.down = o.up;
  echoes = !strcmp(o.work, "echo");
  timed = o.server ? timed : echoes;
  is_reliable = !strcmp(o.delivery, "reliable-ordered");
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  if (enet_initialize() != 0) return 1;
  if (o.server) serve(); else connect_all();
  return 0;
}
