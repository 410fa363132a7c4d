/*
 * The sending half of SRTP for one session: AES-128 in counter mode with HMAC-SHA1 (RFC 3711) and AES-128-GCM (RFC 7714).
 * The packet index comes from the caller, so that there is no state but the keys.
 */
#ifndef SRTP_BATCH_SRTP_H
#define SRTP_BATCH_SRTP_H

#include <stddef.h>
#include <stdint.h>

enum srtp_profile {
  SRTP_AEAD_AES_128_GCM = 0,
  SRTP_AES128_CM_HMAC_SHA1_80 = 1,
};

enum {
  SRTP_KEY_LENGTH = 16,
  SRTP_GCM_SALT_LENGTH = 12,
  SRTP_CM_SALT_LENGTH = 14,
  /* By how much protecting makes a packet longer at most: the tag. */
  SRTP_MAX_OVERHEAD = 16,
};

struct srtp;

/* Name of a function of the process's OpenSSL that is missing, or NULL: then everything below may be called. */
const char *srtp_missing_function(void);

/* Derives the session keys from a master key of SRTP_KEY_LENGTH and a master salt of the profile's length; NULL on failure. */
struct srtp *srtp_create(enum srtp_profile profile, const uint8_t *master_key, const uint8_t *master_salt);
void srtp_destroy(struct srtp *srtp);

/* By how much protecting makes a packet longer, in bytes. */
size_t srtp_overhead(const struct srtp *srtp);

/*
 * Protects the RTP packet in packet[0, length) where it lies; there must be room for the overhead behind it.
 * Returns the new length, or 0 when it is no RTP packet.
 */
size_t srtp_protect(struct srtp *srtp, uint8_t *packet, size_t length, uint32_t ssrc, uint32_t rollover_counter,
                    uint16_t sequence_number);

#endif
