/*
 * What this machine can send at most: unencrypted datagrams by sendmmsg, with and without UDP segmentation offload.
 *
 *   fanout-baseline SEGMENTED PER_VISIT LENGTH SECONDS PORT...
 *
 * One socket for each port, PER_VISIT datagrams to each in turn. Prints the datagrams sent and the CPU time in seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { MAX_PER_VISIT = 32, MAX_LENGTH = 1500 };

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static double cpu_time(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  int segmented = atoi(argv[1]), per_visit = atoi(argv[2]), length = atoi(argv[3]), ports = argc - 5;
  double duration = atof(argv[4]);
  if (per_visit < 1 || per_visit > MAX_PER_VISIT || length < 1 || length > MAX_LENGTH) return 2;

  static char bytes[MAX_PER_VISIT * MAX_LENGTH];
  struct sockaddr_in *to = calloc((size_t)ports, sizeof *to);
  int *sockets = calloc((size_t)ports, sizeof *sockets);
  for (int i = 0; i < ports; i++) {
    to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[5 + i]))};
    to[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
    uint16_t segment = (uint16_t)length;
    if (segmented && setsockopt(sockets[i], SOL_UDP, UDP_SEGMENT, &(int){segment}, sizeof(int)) != 0) return 1;
  }

  struct iovec vectors[MAX_PER_VISIT];
  struct mmsghdr messages[MAX_PER_VISIT];
  memset(messages, 0, sizeof messages);
  int count = segmented ? 1 : per_visit;
  for (int i = 0; i < count; i++) {
    vectors[i] = (struct iovec){.iov_base = bytes + i * length, .iov_len = (size_t)(segmented ? per_visit * length : length)};
    messages[i].msg_hdr = (struct msghdr){.msg_namelen = sizeof *to, .msg_iov = &vectors[i], .msg_iovlen = 1};
  }

  long sent = 0;
  double before = cpu_time();
  for (double end = now() + duration; now() < end;) {
    for (int i = 0; i < ports; i++) {
      for (int k = 0; k < count; k++) messages[k].msg_hdr.msg_name = &to[i];
      int taken = sendmmsg(sockets[i], messages, (unsigned)count, MSG_DONTWAIT);
      if (taken > 0) sent += segmented ? per_visit : taken;
    }
  }
  printf("%ld %f\n", sent, cpu_time() - before);
  return 0;
}
