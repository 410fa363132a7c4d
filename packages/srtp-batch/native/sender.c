/* From ops to packets; see sender.h. */
#include "sender.h"

#include <string.h>

bool sender_init(struct sender *sender) {
  lane_table_init(&sender->lanes);
  sender->batch = batch_create(&sender->lanes);
  return sender->batch != NULL;
}

void sender_clear(struct sender *sender) {
  batch_destroy(sender->batch);
  sender->batch = NULL;
  lane_table_clear(&sender->lanes);
}

static void put32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

/* Whether the op names a template and patches that exist, and its packet fits a datagram of ours. */
static bool is_sound(const struct ops *ops, const uint32_t *op, const struct lane *lane) {
  size_t offset = op[OP_OFFSET], length = op[OP_LENGTH];
  return length >= 12 && offset <= ops->templates_length && length <= ops->templates_length - offset &&
         length + srtp_overhead(lane->srtp) <= UDP_MAX_DATAGRAM && op[OP_PATCHES] <= OP_MAX_PATCHES;
}

/* The packet of an op, not yet protected. A patch that reaches beyond it is left out. */
static void write_packet(const struct ops *ops, const uint32_t *op, uint8_t *packet) {
  size_t length = op[OP_LENGTH];
  uint32_t numbers = op[OP_NUMBERS];
  memcpy(packet, ops->templates + op[OP_OFFSET], length);
  packet[1] = (uint8_t)((numbers >> 24 & 0x80) | (numbers >> 16 & 0x7f));
  packet[2] = (uint8_t)(numbers >> 8);
  packet[3] = (uint8_t)numbers;
  put32(packet + 4, op[OP_TIMESTAMP]);
  put32(packet + 8, op[OP_SSRC]);
  const uint32_t *patch = op + OP_FIRST_PATCH;
  for (uint32_t i = 0; i < op[OP_PATCHES]; i++, patch += 2) {
    size_t offset = patch[0] >> 8, size = patch[0] & 0xff;
    if (size > 4 || offset + size > length) continue;
    for (size_t k = 0; k < size; k++) packet[offset + k] = (uint8_t)(patch[1] >> (8 * (size - 1 - k)));
  }
}

static size_t protect(struct lane *lane, const struct ops *ops, const uint32_t *op, uint8_t *packet) {
  write_packet(ops, op, packet);
  return srtp_protect(lane->srtp, packet, op[OP_LENGTH], op[OP_SSRC], op[OP_ROLLOVER], (uint16_t)op[OP_NUMBERS]);
}

enum op_result sender_run_op(struct sender *sender, const struct ops *ops, size_t index, struct spill *spill) {
  const uint32_t *op = op_at(ops, index);
  struct lane *lane = lane_find(&sender->lanes, op[OP_LANE]);
  if (!lane) return OP_DROPPED;
  bool sendable = lane->socket ? lane->socket->fd >= 0 : spill != NULL;
  if (!sendable || !is_sound(ops, op, lane)) {
    lane->dropped++;
    return OP_DROPPED;
  }
  if (!lane->socket && (spill->size - spill->used < UDP_MAX_DATAGRAM || spill->count == spill->capacity)) return OP_SPILL_FULL;

  uint8_t *packet = lane->socket ? batch_reserve(sender->batch, lane->socket) : spill->bytes + spill->used;
  size_t length = protect(lane, ops, op, packet);
  if (length == 0) {
    lane->dropped++;
    return OP_DROPPED;
  }
  if (lane->socket) {
    batch_commit(sender->batch, lane, length);
    return OP_SENT;
  }
  spill->entries[2 * spill->count] = lane->id;
  spill->entries[2 * spill->count + 1] = (uint32_t)length;
  spill->count++;
  spill->used += length;
  return OP_SPILLED;
}

size_t sender_run(struct sender *sender, const struct ops *ops, size_t from, size_t to) {
  return sender_run_spilling(sender, ops, from, to, NULL, NULL);
}

size_t sender_run_spilling(struct sender *sender, const struct ops *ops, size_t from, size_t to, struct spill *spill,
                           size_t *next) {
  uint64_t dropped = batch_stats(sender->batch).dropped;
  size_t taken = 0, i = from;
  for (; i < to; i++) {
    enum op_result result = sender_run_op(sender, ops, i, spill);
    if (result == OP_SPILL_FULL) break;
    if (result == OP_SENT) taken++;
  }
  batch_flush(sender->batch);
  if (next) *next = i;
  return taken - (size_t)(batch_stats(sender->batch).dropped - dropped);
}
