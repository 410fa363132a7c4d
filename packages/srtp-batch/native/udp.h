/*
 * Sending many datagrams with few system calls: sendmmsg and UDP segmentation offload (GSO) on Linux, sendmsg elsewhere.
 * What a full socket does not take waits in a short queue of that socket.
 */
#ifndef SRTP_BATCH_UDP_H
#define SRTP_BATCH_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane.h"

/* Largest datagram, in bytes. */
enum { UDP_MAX_DATAGRAM = 2048 };

/* A socket of our own for somebody else's descriptor: closing either leaves the other open. */
struct udp_socket {
  int fd; /* -1 once closed */
  int family;
  unsigned references;
  /* Cleared the first time that the system refuses a segmented datagram. */
  bool segmentation;
  struct waiting *first, *last;
  size_t waiting_bytes;
  /* The next socket with something waiting. */
  struct udp_socket *next_waiting;
  bool listed;
};

/* One reference, the caller's; NULL with errno. */
struct udp_socket *udp_socket_open(int fd, bool segmentation);
void udp_socket_retain(struct udp_socket *socket);
void udp_socket_release(struct udp_socket *socket);

/* Reads a numeric address that `socket` can send to; 0 when it cannot. An IPv6 address may have a zone. */
socklen_t udp_address(const struct udp_socket *socket, const char *text, uint16_t port, struct sockaddr_storage *out);

struct batch;

struct batch_stats {
  uint64_t system_calls;
  /* Messages handed over, a segmented one counted once; and the datagrams in them. */
  uint64_t messages, datagrams;
  /* Datagrams that the system refused or that found no room to wait. */
  uint64_t dropped;
};

struct batch *batch_create(struct lane_table *lanes);
void batch_destroy(struct batch *batch);

/* Room for one datagram of UDP_MAX_DATAGRAM bytes that is to leave by `socket`. May send what is there. */
uint8_t *batch_reserve(struct batch *batch, struct udp_socket *socket);
/* What was reserved is now a datagram of `length` bytes for the lane's destination. */
void batch_commit(struct batch *batch, struct lane *lane, size_t length);
/* Sends what is there. To be called before a lane or a socket goes. */
void batch_flush(struct batch *batch);

/* Tries again to send what waits; false when nothing waits any more. */
bool batch_flush_waiting(struct batch *batch);
/* Whether something waits for a socket to have room. */
bool batch_is_waiting(const struct batch *batch);
/* Closes the descriptor; lanes that still point to it drop their packets. */
void batch_close_socket(struct batch *batch, struct udp_socket *socket);

struct batch_stats batch_stats(const struct batch *batch);

#endif
