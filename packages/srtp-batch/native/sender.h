/* Lanes, sockets and the batch together: what turns ops into protected packets on the wire. Not thread-safe. */
#ifndef SRTP_BATCH_SENDER_H
#define SRTP_BATCH_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane.h"
#include "ops.h"
#include "udp.h"

struct sender {
  struct lane_table lanes;
  struct batch *batch;
};

bool sender_init(struct sender *sender);
void sender_clear(struct sender *sender);

/* Where packets go that JavaScript has to send: one behind the other, and for each its lane and its length. */
struct spill {
  uint8_t *bytes;
  size_t size, used;
  uint32_t *entries;
  size_t capacity, count;
};

/* What became of an op. */
enum op_result {
  OP_SENT,
  OP_SPILLED,
  OP_DROPPED,
  OP_SPILL_FULL, /* nothing was done: make room and try again */
};

/* Protects the packet of one op and puts it into the batch, or into `spill` where its lane has no socket. */
enum op_result sender_run_op(struct sender *sender, const struct ops *ops, size_t index, struct spill *spill);

/*
 * Sends the packets of ops `from` to `to`. Returns how many the system took or wait for it to have room, and in `next` the op
 * at which `spill` was full, else `to`.
 */
size_t sender_run_spilling(struct sender *sender, const struct ops *ops, size_t from, size_t to, struct spill *spill,
                           size_t *next);
/* The same without a spill: packets of lanes without a socket are dropped. */
size_t sender_run(struct sender *sender, const struct ops *ops, size_t from, size_t to);

#endif
