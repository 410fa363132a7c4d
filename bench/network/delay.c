// A link that takes time: reads packets from a TUN device and writes each back some time later: always the same, so that they
// stay in order, or with jitter, so that they do not.
// usage: delay DEVICE MILLISECONDS [JITTER_MILLISECONDS]
#define _GNU_SOURCE
#include <errno.h>
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

// At most so many packets are under way; what comes on top is lost.
#define SLOTS 8192
#define LONGEST 2048

static struct packet {
  int64_t due; // ns
  int length;
  char bytes[LONGEST];
} packets[SLOTS];

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int count, char **arguments) {
  if (count != 3 && count != 4) return 2;
  int64_t delay = (int64_t)(atof(arguments[2]) * 1e6);
  int64_t jitter = count == 4 ? (int64_t)(atof(arguments[3]) * 1e6) : 0;
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, arguments[1], IFNAMSIZ - 1);
  if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) {
    perror("/dev/net/tun");
    return 1;
  }
  unsigned first = 0, next = 0;
  for (;;) {
    while (first != next && packets[first % SLOTS].due <= now()) {
      struct packet *packet = &packets[first++ % SLOTS];
      // A packet that the kernel does not take is lost, as on any link.
      if (write(tun, packet->bytes, packet->length) < 0 && errno == EBADFD) return 1;
    }
    struct pollfd ready = {.fd = tun, .events = POLLIN};
    int64_t wait = first == next ? 0 : packets[first % SLOTS].due - now();
    if (wait < 0) continue;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    if (ppoll(&ready, 1, first == next ? NULL : &timeout, NULL) < 0 && errno != EINTR) return 1;
    for (;;) {
      static char excess[LONGEST];
      struct packet *packet = &packets[next % SLOTS];
      int full = next - first == SLOTS;
      int length = read(tun, full ? excess : packet->bytes, LONGEST);
      if (length <= 0) break;
      if (full) continue;
      packet->length = length;
      packet->due = now() + delay + (jitter > 0 ? (int64_t)((2 * drand48() - 1) * jitter) : 0);
      // Sooner due than those before it: it overtakes them.
      for (unsigned at = next; at != first && packets[(at - 1) % SLOTS].due > packets[at % SLOTS].due; at--) {
        static struct packet other;
        other = packets[at % SLOTS];
        packets[at % SLOTS] = packets[(at - 1) % SLOTS];
        packets[(at - 1) % SLOTS] = other;
      }
      next++;
    }
  }
}
