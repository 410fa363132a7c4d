/*
 * What a full socket, a path that does not segment and a broken socket do to the batch: with a system underneath that is
 * told how to answer. Compiled by src/native-queue.test.ts, with -Wl,--wrap for the two system calls and a stand-in for SRTP.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sender.h"

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* ---- the stand-in for SRTP: a tag of zeros ---- */

struct srtp {
  int nothing;
};
struct srtp *srtp_create(enum srtp_profile profile, const uint8_t *key, const uint8_t *salt) {
  (void)profile;
  (void)key;
  (void)salt;
  return calloc(1, sizeof(struct srtp));
}
void srtp_destroy(struct srtp *srtp) { free(srtp); }
size_t srtp_overhead(const struct srtp *srtp) {
  (void)srtp;
  return 16;
}
size_t srtp_protect(struct srtp *srtp, uint8_t *packet, size_t length, uint32_t ssrc, uint32_t roc, uint16_t sequence_number) {
  (void)srtp;
  (void)ssrc;
  (void)roc;
  (void)sequence_number;
  memset(packet + length, 0, 16);
  return length + 16;
}

/* ---- the stand-in for the system ---- */

static int room;            /* datagrams that the socket still takes before it is full */
static int segment_error;   /* what it says to a segmented message; 0: it takes it */
static int other_error;     /* what it says to everything; 0: nothing */
static uint16_t wire[4096]; /* sequence numbers in the order in which they left */
static int on_wire;
static size_t wire_bytes;

static int take(const struct msghdr *header) {
  const uint8_t *bytes = header->msg_iov->iov_base;
  size_t length = header->msg_iov->iov_len, size = length;
  if (other_error) {
    errno = other_error;
    return -1;
  }
  if (header->msg_control) {
    uint16_t segment;
    memcpy(&segment, CMSG_DATA(CMSG_FIRSTHDR(header)), sizeof segment);
    size = segment;
    if (segment_error) {
      errno = segment_error;
      return -1;
    }
  }
  if (room == 0) {
    errno = EAGAIN;
    return -1;
  }
  for (size_t at = 0; at < length; at += size) {
    wire[on_wire++] = (uint16_t)(bytes[at + 2] << 8 | bytes[at + 3]);
    if (room > 0) room--;
  }
  wire_bytes += length;
  return 1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
  (void)fd;
  (void)flags;
  unsigned taken = 0;
  while (taken < count && take(&messages[taken].msg_hdr) > 0) taken++;
  return taken > 0 ? (int)taken : -1;
}

ssize_t __wrap_sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *address, socklen_t size) {
  (void)fd;
  (void)flags;
  (void)address;
  (void)size;
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = length};
  struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
  return take(&header) < 0 ? -1 : (ssize_t)length;
}

/* ---- the tests ---- */

enum { LENGTH = 1000, UNLIMITED = -1, MAX_OPS = 2000 };

static struct sender sender;
static struct udp_socket *udp;
static uint8_t template[LENGTH];
static uint32_t words[MAX_OPS * OP_WORDS];

static void begin(void) {
  room = UNLIMITED;
  segment_error = other_error = on_wire = 0;
  wire_bytes = 0;
  memset(template, 0, sizeof template);
  template[0] = 0x80;
  EXPECT(sender_init(&sender));
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  udp = udp_socket_open(fd, true);
  EXPECT(udp);
  close(fd);
}

static void end(void) {
  udp_socket_release(udp);
  sender_clear(&sender);
}

static struct lane *add_lane(void) {
  struct lane *lane = lane_add(&sender.lanes, srtp_create(0, NULL, NULL));
  lane->socket = udp;
  udp_socket_retain(udp);
  lane->address_length = udp_address(udp, "127.0.0.1", 5000, &lane->address);
  EXPECT(lane->address_length > 0);
  return lane;
}

/* Packets numbered from `first` on, for one lane. */
static size_t send_packets(const struct lane *lane, int first, int count, uint32_t length) {
  for (int i = 0; i < count; i++) {
    uint32_t *op = words + i * OP_WORDS;
    memset(op, 0, OP_WORDS * sizeof *op);
    op[OP_LANE] = lane->id;
    op[OP_LENGTH] = length;
    op[OP_NUMBERS] = (uint32_t)(first + i);
  }
  struct ops ops = {.templates = template, .templates_length = sizeof template, .words = words, .count = (size_t)count};
  return sender_run(&sender, &ops, 0, (size_t)count);
}

static void expect_in_order(int count) {
  EXPECT(on_wire == count);
  for (int i = 0; i < count; i++) EXPECT(wire[i] == i);
}

static void a_full_socket_gets_the_rest_later_and_in_order(void) {
  begin();
  struct lane *lane = add_lane();
  udp->segmentation = false;
  room = 70;
  EXPECT(send_packets(lane, 0, 100, LENGTH) == 100);
  EXPECT(lane->packets == 70 && lane->dropped == 0);
  EXPECT(batch_is_waiting(sender.batch));
  /* Nothing overtakes what waits, even if there is room now. */
  room = UNLIMITED;
  EXPECT(send_packets(lane, 100, 10, LENGTH) == 10);
  EXPECT(on_wire == 70);
  room = 5;
  EXPECT(batch_flush_waiting(sender.batch));
  EXPECT(on_wire == 75);
  room = UNLIMITED;
  EXPECT(!batch_flush_waiting(sender.batch));
  expect_in_order(110);
  EXPECT(lane->packets == 110 && lane->bytes == 110 * (LENGTH + 16) && lane->dropped == 0);
  EXPECT(lane->bytes == wire_bytes);
  end();
}

static void the_queue_of_a_full_socket_is_bounded(void) {
  begin();
  struct lane *lane = add_lane();
  room = 0;
  size_t taken = 0;
  for (int i = 0; i < 3; i++) taken += send_packets(lane, i * 1000, 1000, LENGTH);
  EXPECT(taken + lane->dropped == 3000);
  EXPECT(udp->waiting_bytes <= 1 << 20);
  EXPECT(lane->dropped > 1900 && lane->dropped < 2000);
  room = UNLIMITED;
  EXPECT(!batch_flush_waiting(sender.batch));
  EXPECT(lane->packets + lane->dropped == 3000);
  expect_in_order((int)lane->packets);
  end();
}

static void a_session_that_went_is_not_sent_to_any_more(void) {
  begin();
  struct lane *gone = add_lane(), *stays = add_lane();
  room = 0;
  send_packets(gone, 500, 20, LENGTH);
  send_packets(stays, 0, 20, LENGTH);
  lane_remove(&sender.lanes, gone->id);
  room = UNLIMITED;
  EXPECT(!batch_flush_waiting(sender.batch));
  expect_in_order(20);
  EXPECT(stays->packets == 20);
  end();
}

static void what_waits_is_dropped_and_counted_when_the_socket_closes(void) {
  begin();
  struct lane *lane = add_lane();
  room = 0;
  send_packets(lane, 0, 20, LENGTH);
  batch_close_socket(sender.batch, udp);
  EXPECT(lane->dropped == 20);
  EXPECT(send_packets(lane, 20, 5, LENGTH) == 0);
  EXPECT(lane->dropped == 25);
  EXPECT(!batch_flush_waiting(sender.batch));
  end();
}

static void a_path_that_does_not_segment_gets_single_datagrams(int error) {
  begin();
  struct lane *lane = add_lane();
  segment_error = error;
  EXPECT(send_packets(lane, 0, 130, LENGTH) == 130);
  expect_in_order(130);
  EXPECT(lane->packets == 130 && lane->dropped == 0);
  EXPECT(!udp->segmentation);
  /* It fills up half-way through a message. */
  udp->segmentation = true;
  room = 7;
  EXPECT(send_packets(lane, 130, 30, LENGTH) == 30);
  EXPECT(on_wire == 137);
  room = UNLIMITED;
  EXPECT(!batch_flush_waiting(sender.batch));
  expect_in_order(160);
  EXPECT(lane->packets == 160 && lane->dropped == 0);
  end();
}

static void segments_of_any_length_stay_apart(void) {
  begin();
  struct lane *lane = add_lane();
  int sent = 0;
  size_t bytes = 0;
  for (uint32_t length = 12; length < LENGTH; length += 7) {
    int count = 1 + (int)(length % 5);
    EXPECT(send_packets(lane, sent, count, length) == (size_t)count);
    sent += count;
    bytes += (size_t)count * (length + 16);
  }
  expect_in_order(sent);
  EXPECT(wire_bytes == bytes && lane->bytes == bytes);
  end();
}

static void a_refusal_costs_its_packets_only(void) {
  begin();
  struct lane *lane = add_lane();
  udp->segmentation = false;
  other_error = EPERM;
  EXPECT(send_packets(lane, 900, 10, LENGTH) == 0);
  EXPECT(lane->dropped == 10 && lane->packets == 0);
  other_error = 0;
  send_packets(lane, 0, 10, LENGTH);
  expect_in_order(10);
  end();
}

int main(void) {
  a_full_socket_gets_the_rest_later_and_in_order();
  the_queue_of_a_full_socket_is_bounded();
  a_session_that_went_is_not_sent_to_any_more();
  what_waits_is_dropped_and_counted_when_the_socket_closes();
  a_path_that_does_not_segment_gets_single_datagrams(EIO);
  a_path_that_does_not_segment_gets_single_datagrams(EINVAL);
  segments_of_any_length_stay_apart();
  a_refusal_costs_its_packets_only();
  puts("all as it should be");
  return 0;
}
