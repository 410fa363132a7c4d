/*
 * One op is one packet to protect and send: a template (a whole RTP packet), the numbers to write into its copy, and the lane
 * that takes it. The layout is that of tswebrtc's rtp/send-ops.ts:
 *
 *   0 lane        1 template offset      2 template length (bytes, header included)
 *   3 SSRC        4 roll-over counter    5 marker << 31 | payload type << 16 | sequence number
 *   6 timestamp   7 number of patches (0..4)
 *   8,9  10,11  12,13  14,15             patch: offset in the packet << 8 | length (1..4), value (big endian, low bytes)
 */
#ifndef SRTP_BATCH_OPS_H
#define SRTP_BATCH_OPS_H

#include <stddef.h>
#include <stdint.h>

enum { OP_WORDS = 16, OP_MAX_PATCHES = 4 };

enum op_word { OP_LANE, OP_OFFSET, OP_LENGTH, OP_SSRC, OP_ROLLOVER, OP_NUMBERS, OP_TIMESTAMP, OP_PATCHES, OP_FIRST_PATCH };

/* A batch. Anything may stand in it: whatever makes no sense is dropped. */
struct ops {
  const uint8_t *templates;
  size_t templates_length;
  const uint32_t *words;
  size_t count;
};

static inline const uint32_t *op_at(const struct ops *ops, size_t index) { return ops->words + index * OP_WORDS; }

#endif
