/*
 * A bad link between two network namespaces, for any protocol: packets of two TUN devices are handed from one to the other, late,
 * out of order or not at all, as the options say. `link NAME delayMs=25 jitterMs=2 loss=5 seed=1` makes the namespaces NAME-a
 * (10.77.0.1) and NAME-b (10.77.0.2), says `ready` as ends do, and removes them when its input ends. Needs root and `ip`.
 *
 * TCP in them is CUBIC. Delay is that of one direction; jitter adds up to so much to each packet by itself, so packets overtake each other; loss is a
 * percentage, drawn from a seed. A queue of 4096 packets each way drops what does not fit, as a router's does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 4096
#define PACKET_BYTES 2048

typedef struct { double due; uint64_t order; int length; unsigned char bytes[PACKET_BYTES]; } Packet;
/* A heap by due time: heap[0] is the next. */
typedef struct { Packet *heap[QUEUE]; int count; } Queue;

static double delay_us, jitter_us, loss;
static uint64_t random_state, orders;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double random_share(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (random_state >> 11) / 9007199254740992.0;
}

static int before(const Packet *a, const Packet *b) {
  return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void push(Queue *queue, Packet *packet) {
  int at = queue->count++;
  for (; at > 0 && before(packet, queue->heap[(at - 1) / 2]); at = (at - 1) / 2)
    queue->heap[at] = queue->heap[(at - 1) / 2];
  queue->heap[at] = packet;
}

static Packet *pop(Queue *queue) {
  Packet *first = queue->heap[0], *last = queue->heap[--queue->count];
  int at = 0;
  for (;;) {
    int child = 2 * at + 1;
    if (child >= queue->count) break;
    if (child + 1 < queue->count && before(queue->heap[child + 1], queue->heap[child])) child++;
    if (!before(queue->heap[child], last)) break;
    queue->heap[at] = queue->heap[child];
    at = child;
  }
  queue->heap[at] = last;
  return first;
}

static int run(const char *format, const char *name, const char *end) {
  char command[256];
  snprintf(command, sizeof command, format, name, end, name, end, name, end);
  return system(command);
}

static const char *name;

static void remove_all(void) {
  run("ip netns delete %s-%s 2>/dev/null", name, "a");
  run("ip netns delete %s-%s 2>/dev/null", name, "b");
}

static int open_tun(const char *end, const char *address) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  snprintf(request.ifr_name, IFNAMSIZ, "%.10s-%s", name, end);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) { perror("tun"); exit(1); }
  if (run("ip netns add %s-%s && ip link set %s-%s netns %s-%s", name, end)) exit(1);
  char more[64];
  snprintf(more, sizeof more, "%s/24", address);
  char command[256];
  snprintf(command, sizeof command,
           "ip -n %s-%s addr add %s dev %s-%s && ip -n %s-%s link set %s-%s txqueuelen %d up", name, end, more, name, end,
           name, end, name, end, QUEUE);
  if (system(command)) exit(1);
  /* TCP is what most systems have by default, whatever this machine prefers. */
  snprintf(command, sizeof command, "ip -n %s-%s route change 10.77.0.0/24 dev %s-%s src %s congctl cubic", name, end, name,
           end, address);
  if (system(command)) exit(1);
  return fd;
}

static void take(int fd, Queue *queue) {
  for (;;) {
    Packet *packet = malloc(sizeof *packet);
    packet->length = read(fd, packet->bytes, PACKET_BYTES);
    if (packet->length <= 0) { free(packet); return; }
    if (queue->count == QUEUE || random_share() * 100 < loss) { free(packet); continue; }
    packet->due = now_us() + delay_us + random_share() * jitter_us;
    packet->order = orders++;
    push(queue, packet);
  }
}

static void give(int fd, Queue *queue) {
  double now = now_us();
  while (queue->count > 0 && queue->heap[0]->due <= now) {
    Packet *packet = pop(queue);
    if (write(fd, packet->bytes, packet->length) < 0) { /* a full queue behind the link: lost, as on any other */ }
    free(packet);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  name = argv[1];
  atexit(remove_all);
  random_state = 1;
  for (int i = 2; i < argc; i++) {
    char *value = strchr(argv[i], '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(argv[i], "delayMs")) delay_us = atof(value) * 1000;
    if (!strcmp(argv[i], "jitterMs")) jitter_us = atof(value) * 1000;
    if (!strcmp(argv[i], "loss")) loss = atof(value);
    if (!strcmp(argv[i], "seed")) random_state = strtoull(value, NULL, 10) * 0x9e3779b97f4a7c15u | 1;
  }
  int fds[2] = {open_tun("a", "10.77.0.1"), open_tun("b", "10.77.0.2")};
  static Queue to_b, to_a;
  printf("{\"ready\":{}}\n");
  fflush(stdout);
  for (;;) {
    double next = now_us() + 1e6;
    if (to_a.count > 0 && to_a.heap[0]->due < next) next = to_a.heap[0]->due;
    if (to_b.count > 0 && to_b.heap[0]->due < next) next = to_b.heap[0]->due;
    double wait = next - now_us();
    if (wait < 0) wait = 0;
    struct timespec t = {.tv_sec = wait / 1e6, .tv_nsec = (long)(wait * 1000) % 1000000000};
    struct pollfd p[3] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    ppoll(p, 3, &t, NULL);
    if (p[2].revents) break;
    take(fds[0], &to_b);
    take(fds[1], &to_a);
    give(fds[1], &to_b);
    give(fds[0], &to_a);
  }
  return 0;
}
