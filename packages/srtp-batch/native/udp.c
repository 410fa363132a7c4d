/* Sockets and the batch before them; see udp.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sendmmsg */
#endif
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef __linux__
#define HAS_SENDMMSG 1
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#else
#define HAS_SENDMMSG 0
/* What sendmmsg takes, for the loop that stands in for it. */
struct mmsghdr {
  struct msghdr msg_hdr;
  unsigned msg_len;
};
#endif

enum {
  /* Together small enough to stay in the processor's cache. */
  MAX_MESSAGES = 64,
  ARENA_LENGTH = 128 << 10,
  /* Limits of the kernel: segments of one message (64 before Linux 6.9), and an IP datagram's length. */
  MAX_SEGMENTS = 60,
  MAX_SEGMENTED_LENGTH = 65000,
  /* What waits for a full socket, in bytes: media that waits longer is late anyway. */
  MAX_WAITING = 1 << 20,
};

struct message {
  struct lane *lane;
  uint16_t segments;
  /* Of all segments but the last, which may be shorter. */
  uint16_t segment_length;
};

struct waiting {
  struct waiting *next;
  uint32_t lane;
  struct sockaddr_storage address;
  socklen_t address_length;
  size_t length;
  uint8_t bytes[];
};

/* Aligned as a cmsghdr has to be. */
union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct batch {
  struct lane_table *lanes;
  /* All messages leave by this one. */
  struct udp_socket *socket;
  struct udp_socket *waiting;
  struct batch_stats stats;
  unsigned count;
  size_t used;
  struct message messages[MAX_MESSAGES];
  struct mmsghdr headers[MAX_MESSAGES];
  struct iovec vectors[MAX_MESSAGES];
  union control controls[MAX_MESSAGES];
  uint8_t arena[ARENA_LENGTH];
};

/* ---- sockets ---- */

struct udp_socket *udp_socket_open(int fd, bool segmentation) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  int type = 0;
  socklen_t type_length = sizeof type;
  if (getsockname(fd, (struct sockaddr *)&local, &length) != 0) return NULL;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0) return NULL;
  if (type != SOCK_DGRAM || (local.ss_family != AF_INET && local.ss_family != AF_INET6)) {
    errno = EPROTOTYPE;
    return NULL;
  }
  struct udp_socket *socket = calloc(1, sizeof *socket);
  if (!socket) return NULL;
  socket->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (socket->fd < 0) {
    free(socket);
    return NULL;
  }
  socket->family = local.ss_family;
  socket->references = 1;
  socket->segmentation = segmentation && HAS_SENDMMSG;
  return socket;
}

void udp_socket_retain(struct udp_socket *socket) { socket->references++; }

static void drop_waiting(struct udp_socket *socket, struct lane_table *lanes) {
  while (socket->first) {
    struct waiting *gone = socket->first;
    socket->first = gone->next;
    struct lane *lane = lanes ? lane_find(lanes, gone->lane) : NULL;
    if (lane) lane->dropped++;
    free(gone);
  }
  socket->last = NULL;
  socket->waiting_bytes = 0;
}

void udp_socket_release(struct udp_socket *socket) {
  if (--socket->references > 0) return;
  if (socket->fd >= 0) close(socket->fd);
  drop_waiting(socket, NULL);
  free(socket);
}

socklen_t udp_address(const struct udp_socket *socket, const char *text, uint16_t port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  struct in_addr v4;
  bool is_v4 = inet_pton(AF_INET, text, &v4) == 1;
  if (socket->family == AF_INET) {
    struct sockaddr_in *address = (struct sockaddr_in *)out;
    if (!is_v4) return 0;
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    address->sin_addr = v4;
    return sizeof *address;
  }
  struct sockaddr_in6 *address = (struct sockaddr_in6 *)out;
  address->sin6_family = AF_INET6;
  address->sin6_port = htons(port);
  if (is_v4) { /* IPv4-mapped, RFC 4291 section 2.5.5.2 */
    address->sin6_addr.s6_addr[10] = address->sin6_addr.s6_addr[11] = 0xff;
    memcpy(address->sin6_addr.s6_addr + 12, &v4, sizeof v4);
    return sizeof *address;
  }
  char bare[INET6_ADDRSTRLEN];
  const char *zone = strchr(text, '%');
  size_t length = zone ? (size_t)(zone - text) : strlen(text);
  if (length >= sizeof bare) return 0;
  memcpy(bare, text, length);
  bare[length] = 0;
  if (inet_pton(AF_INET6, bare, &address->sin6_addr) != 1) return 0;
  if (zone) {
    unsigned index = if_nametoindex(zone + 1);
    if (index == 0) index = (unsigned)strtoul(zone + 1, NULL, 10);
    if (index == 0) return 0;
    address->sin6_scope_id = index;
  }
  return sizeof *address;
}

/* ---- the queue of a full socket ---- */

static bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

static void drop(struct batch *batch, struct lane *lane, unsigned count) {
  lane->dropped += count;
  batch->stats.dropped += count;
}

static void wait_for_room(struct batch *batch, struct udp_socket *socket, struct lane *lane, const uint8_t *bytes,
                          size_t length) {
  struct waiting *waiting = NULL;
  if (socket->waiting_bytes + length <= MAX_WAITING) waiting = malloc(sizeof *waiting + length);
  if (!waiting) {
    drop(batch, lane, 1);
    return;
  }
  waiting->next = NULL;
  waiting->lane = lane->id;
  waiting->address = lane->address;
  waiting->address_length = lane->address_length;
  waiting->length = length;
  memcpy(waiting->bytes, bytes, length);
  if (socket->last) socket->last->next = waiting;
  else socket->first = waiting;
  socket->last = waiting;
  socket->waiting_bytes += length;
  if (!socket->listed) {
    socket->listed = true;
    udp_socket_retain(socket);
    socket->next_waiting = batch->waiting;
    batch->waiting = socket;
  }
}

static ssize_t send_one(struct batch *batch, int fd, const uint8_t *bytes, size_t length, const struct sockaddr_storage *address,
                        socklen_t address_length) {
  ssize_t sent;
  do {
    batch->stats.system_calls++;
    sent = sendto(fd, bytes, length, MSG_DONTWAIT, (const struct sockaddr *)address, address_length);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    batch->stats.messages++;
    batch->stats.datagrams++;
  }
  return sent;
}

static void flush_socket(struct batch *batch, struct udp_socket *socket) {
  while (socket->first) {
    struct waiting *waiting = socket->first;
    /* Nothing is sent any more for a session that has gone meanwhile. */
    struct lane *lane = lane_find(batch->lanes, waiting->lane);
    if (lane) {
      ssize_t sent =
          send_one(batch, socket->fd, waiting->bytes, waiting->length, &waiting->address, waiting->address_length);
      if (sent < 0 && is_full(errno)) return;
      if (sent < 0) {
        drop(batch, lane, 1);
      } else {
        lane->packets++;
        lane->bytes += waiting->length;
      }
    }
    socket->first = waiting->next;
    if (!socket->first) socket->last = NULL;
    socket->waiting_bytes -= waiting->length;
    free(waiting);
  }
}

bool batch_flush_waiting(struct batch *batch) {
  struct udp_socket **link = &batch->waiting;
  while (*link) {
    struct udp_socket *socket = *link;
    flush_socket(batch, socket);
    if (socket->first) {
      link = &socket->next_waiting;
      continue;
    }
    *link = socket->next_waiting;
    socket->listed = false;
    udp_socket_release(socket);
  }
  return batch->waiting != NULL;
}

bool batch_is_waiting(const struct batch *batch) { return batch->waiting != NULL; }

void batch_close_socket(struct batch *batch, struct udp_socket *socket) {
  if (socket->fd < 0) return;
  close(socket->fd);
  socket->fd = -1;
  drop_waiting(socket, batch->lanes);
}

/* ---- the batch ---- */

struct batch *batch_create(struct lane_table *lanes) {
  struct batch *batch = calloc(1, sizeof *batch);
  if (batch) batch->lanes = lanes;
  return batch;
}

void batch_destroy(struct batch *batch) {
  if (!batch) return;
  while (batch->waiting) {
    struct udp_socket *socket = batch->waiting;
    batch->waiting = socket->next_waiting;
    udp_socket_release(socket);
  }
  free(batch);
}

struct batch_stats batch_stats(const struct batch *batch) { return batch->stats; }

uint8_t *batch_reserve(struct batch *batch, struct udp_socket *socket) {
  bool full = batch->count == MAX_MESSAGES || batch->used + UDP_MAX_DATAGRAM > ARENA_LENGTH;
  if (batch->count > 0 && (full || batch->socket != socket)) batch_flush(batch);
  batch->socket = socket;
  return batch->arena + batch->used;
}

/* Whether a datagram of `length` bytes can travel as one more segment of the last message. */
static bool fits_last(const struct batch *batch, const struct lane *lane, size_t length) {
  if (!batch->socket->segmentation || batch->count == 0) return false;
  const struct message *message = &batch->messages[batch->count - 1];
  size_t total = batch->vectors[batch->count - 1].iov_len;
  /* A shorter segment ends its message. */
  bool open = total == (size_t)message->segments * message->segment_length;
  return open && message->lane == lane && length <= message->segment_length && message->segments < MAX_SEGMENTS &&
         total + length <= MAX_SEGMENTED_LENGTH;
}

static void append_segment(struct batch *batch, size_t length) {
#if HAS_SENDMMSG
  unsigned i = batch->count - 1;
  struct message *message = &batch->messages[i];
  batch->vectors[i].iov_len += length;
  if (++message->segments > 2) return;
  struct msghdr *header = &batch->headers[i].msg_hdr;
  header->msg_control = &batch->controls[i];
  header->msg_controllen = sizeof batch->controls[i].bytes;
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  memcpy(CMSG_DATA(control), &message->segment_length, sizeof(uint16_t));
#else
  (void)batch;
  (void)length;
#endif
}

void batch_commit(struct batch *batch, struct lane *lane, size_t length) {
  uint8_t *bytes = batch->arena + batch->used;
  batch->used += length;
  if (fits_last(batch, lane, length)) {
    append_segment(batch, length);
    return;
  }
  unsigned i = batch->count++;
  batch->messages[i] = (struct message){.lane = lane, .segments = 1, .segment_length = (uint16_t)length};
  batch->vectors[i] = (struct iovec){.iov_base = bytes, .iov_len = length};
  struct msghdr *header = &batch->headers[i].msg_hdr;
  memset(header, 0, sizeof *header);
  header->msg_name = &lane->address;
  header->msg_namelen = lane->address_length;
  header->msg_iov = &batch->vectors[i];
  header->msg_iovlen = 1;
}

/* Hands over messages from `from` on; how many were taken, or -1 with errno for the first. */
static int hand_over(struct batch *batch, unsigned from) {
  batch->stats.system_calls++;
#if HAS_SENDMMSG
  return sendmmsg(batch->socket->fd, batch->headers + from, batch->count - from, MSG_DONTWAIT);
#else
  return sendmsg(batch->socket->fd, &batch->headers[from].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1;
#endif
}

static void count_sent(struct batch *batch, unsigned i) {
  struct message *message = &batch->messages[i];
  message->lane->packets += message->segments;
  message->lane->bytes += batch->vectors[i].iov_len;
  batch->stats.messages++;
  batch->stats.datagrams += message->segments;
}

static size_t segment_at(const struct batch *batch, unsigned i, size_t offset) {
  size_t left = batch->vectors[i].iov_len - offset;
  return left < batch->messages[i].segment_length ? left : batch->messages[i].segment_length;
}

static void queue_message(struct batch *batch, unsigned i, size_t offset) {
  const uint8_t *bytes = batch->vectors[i].iov_base;
  while (offset < batch->vectors[i].iov_len) {
    size_t length = segment_at(batch, i, offset);
    wait_for_room(batch, batch->socket, batch->messages[i].lane, bytes + offset, length);
    offset += length;
  }
}

/* Sends the segments of a message one by one. */
static void send_unsegmented(struct batch *batch, unsigned i) {
  const uint8_t *bytes = batch->vectors[i].iov_base;
  struct lane *lane = batch->messages[i].lane;
  for (size_t offset = 0; offset < batch->vectors[i].iov_len;) {
    size_t length = segment_at(batch, i, offset);
    if (send_one(batch, batch->socket->fd, bytes + offset, length, &lane->address, lane->address_length) >= 0) {
      lane->packets++;
      lane->bytes += length;
    } else if (is_full(errno)) {
      queue_message(batch, i, offset);
      return;
    } else {
      drop(batch, lane, 1);
    }
    offset += length;
  }
}

/* Errors by which a path says that it does not segment: no checksum offload, or a segment longer than its MTU. */
static bool refuses_segmentation(int error) {
  return error == EIO || error == EINVAL || error == EOPNOTSUPP || error == EMSGSIZE || error == ENOPROTOOPT;
}

void batch_flush(struct batch *batch) {
  struct udp_socket *socket = batch->socket;
  unsigned i = 0;
  while (i < batch->count) {
    /* Never overtake what waits. */
    if (socket->first) {
      queue_message(batch, i++, 0);
      continue;
    }
    int taken = hand_over(batch, i);
    if (taken > 0) {
      for (; taken > 0; taken--) count_sent(batch, i++);
      continue;
    }
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && is_full(errno)) {
      queue_message(batch, i++, 0);
    } else if (taken < 0 && batch->messages[i].segments > 1 && refuses_segmentation(errno)) {
      socket->segmentation = false;
      send_unsegmented(batch, i++);
    } else {
      drop(batch, batch->messages[i].lane, batch->messages[i].segments);
      i++;
    }
  }
  batch->count = 0;
  batch->used = 0;
}
