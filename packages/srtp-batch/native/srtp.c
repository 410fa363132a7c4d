/* SRTP on the OpenSSL that the node binary brings along; see srtp.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif
#include "srtp.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

enum { AUTH_KEY_LENGTH = 20, GCM_TAG_LENGTH = 16, CM_TAG_LENGTH = 10, SHA1_BLOCK = 64 };

/* Labels of the key derivation, RFC 3711 section 4.3.1. */
enum { LABEL_KEY = 0, LABEL_AUTH_KEY = 1, LABEL_SALT = 2 };

struct srtp {
  enum srtp_profile profile;
  EVP_CIPHER_CTX *cipher; /* keyed; each packet sets its own IV */
  uint8_t salt[16];
  /* HMAC-SHA1 (RFC 2104) with the two padded keys already hashed: half of the work of a short message. */
  SHA_CTX inner, outer;
};

const char *srtp_missing_function(void) {
  /* Symbols are bound when they are first called, and a missing one would end the process then. */
  static const char *const needed[] = {
      "EVP_CIPHER_CTX_new", "EVP_CIPHER_CTX_free", "EVP_CIPHER_CTX_ctrl", "EVP_EncryptInit_ex",  "EVP_EncryptUpdate",
      "EVP_EncryptFinal_ex", "EVP_aes_128_ctr",    "EVP_aes_128_gcm",     "SHA1_Init",           "SHA1_Update",
      "SHA1_Final",          "OPENSSL_cleanse",
  };
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    if (!dlsym(RTLD_DEFAULT, needed[i])) return needed[i];
  }
  return NULL;
}

static void put32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

static void xor32(uint8_t *at, uint32_t value) {
  at[0] ^= (uint8_t)(value >> 24);
  at[1] ^= (uint8_t)(value >> 16);
  at[2] ^= (uint8_t)(value >> 8);
  at[3] ^= (uint8_t)value;
}

/* RFC 3711 section 4.3.3: the key stream of the master key under the salt and the label. A short salt is padded right. */
static int derive(const uint8_t *master_key, const uint8_t *salt, size_t salt_length, uint8_t label, uint8_t *out, int length) {
  static const uint8_t zeros[32];
  uint8_t iv[16] = {0};
  memcpy(iv, salt, salt_length);
  iv[7] ^= label;
  EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
  int written = 0;
  int ok = cipher && EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, master_key, iv) == 1 &&
           EVP_EncryptUpdate(cipher, out, &written, zeros, length) == 1 && written == length;
  if (cipher) EVP_CIPHER_CTX_free(cipher);
  return ok;
}

static void hmac_begin(SHA_CTX *state, const uint8_t *key, uint8_t pad) {
  uint8_t block[SHA1_BLOCK];
  memset(block, pad, sizeof block);
  for (size_t i = 0; i < AUTH_KEY_LENGTH; i++) block[i] ^= key[i];
  SHA1_Init(state);
  SHA1_Update(state, block, sizeof block);
  OPENSSL_cleanse(block, sizeof block);
}

struct srtp *srtp_create(enum srtp_profile profile, const uint8_t *master_key, const uint8_t *master_salt) {
  struct srtp *srtp = calloc(1, sizeof *srtp);
  if (!srtp) return NULL;
  srtp->profile = profile;
  int gcm = profile == SRTP_AEAD_AES_128_GCM;
  size_t salt_length = gcm ? SRTP_GCM_SALT_LENGTH : SRTP_CM_SALT_LENGTH;
  uint8_t key[SRTP_KEY_LENGTH] = {0}, auth_key[AUTH_KEY_LENGTH] = {0};
  srtp->cipher = EVP_CIPHER_CTX_new();
  int ok = srtp->cipher && derive(master_key, master_salt, salt_length, LABEL_KEY, key, sizeof key) &&
           derive(master_key, master_salt, salt_length, LABEL_SALT, srtp->salt, (int)salt_length) &&
           EVP_EncryptInit_ex(srtp->cipher, gcm ? EVP_aes_128_gcm() : EVP_aes_128_ctr(), NULL, key, NULL) == 1;
  if (ok && !gcm) {
    ok = derive(master_key, master_salt, salt_length, LABEL_AUTH_KEY, auth_key, sizeof auth_key);
    hmac_begin(&srtp->inner, auth_key, 0x36);
    hmac_begin(&srtp->outer, auth_key, 0x5c);
  }
  OPENSSL_cleanse(key, sizeof key);
  OPENSSL_cleanse(auth_key, sizeof auth_key);
  if (ok) return srtp;
  srtp_destroy(srtp);
  return NULL;
}

void srtp_destroy(struct srtp *srtp) {
  if (!srtp) return;
  if (srtp->cipher) EVP_CIPHER_CTX_free(srtp->cipher);
  OPENSSL_cleanse(srtp, sizeof *srtp);
  free(srtp);
}

size_t srtp_overhead(const struct srtp *srtp) {
  return srtp->profile == SRTP_AEAD_AES_128_GCM ? GCM_TAG_LENGTH : CM_TAG_LENGTH;
}

/* RFC 3550 sections 5.1 and 5.3.1: fixed header, CSRCs and extension; 0 when the packet does not hold them. */
static size_t header_length(const uint8_t *packet, size_t length) {
  if (length < 12 || packet[0] >> 6 != 2) return 0;
  size_t at = 12 + 4 * (size_t)(packet[0] & 0x0f);
  if (packet[0] & 0x10) {
    if (at + 4 > length) return 0;
    at += 4 + 4 * (((size_t)packet[at + 2] << 8) | packet[at + 3]);
  }
  return at <= length ? at : 0;
}

/* RFC 7714 section 8.1: two zero bytes, SSRC, roll-over counter, sequence number, all xored with the salt. */
static size_t protect_gcm(struct srtp *srtp, uint8_t *packet, size_t header, size_t length, uint32_t ssrc, uint32_t roc,
                          uint16_t sequence_number) {
  uint8_t iv[12];
  memcpy(iv, srtp->salt, sizeof iv);
  xor32(iv + 2, ssrc);
  xor32(iv + 6, roc);
  iv[10] ^= (uint8_t)(sequence_number >> 8);
  iv[11] ^= (uint8_t)sequence_number;
  EVP_CIPHER_CTX *cipher = srtp->cipher;
  int n;
  int ok = EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(cipher, NULL, &n, packet, (int)header) == 1 &&
           (length == header || EVP_EncryptUpdate(cipher, packet + header, &n, packet + header, (int)(length - header)) == 1) &&
           EVP_EncryptFinal_ex(cipher, packet + length, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LENGTH, packet + length) == 1;
  return ok ? length + GCM_TAG_LENGTH : 0;
}

/* RFC 3711 section 4.1.1: salt * 2^16 xor SSRC * 2^64 xor index * 2^16; section 4.2: the tag covers the roll-over counter too. */
static size_t protect_cm(struct srtp *srtp, uint8_t *packet, size_t header, size_t length, uint32_t ssrc, uint32_t roc,
                         uint16_t sequence_number) {
  uint8_t iv[16];
  memcpy(iv, srtp->salt, sizeof iv);
  xor32(iv + 4, ssrc);
  xor32(iv + 8, roc);
  iv[12] ^= (uint8_t)(sequence_number >> 8);
  iv[13] ^= (uint8_t)sequence_number;
  int n;
  if (EVP_EncryptInit_ex(srtp->cipher, NULL, NULL, NULL, iv) != 1) return 0;
  if (length > header && EVP_EncryptUpdate(srtp->cipher, packet + header, &n, packet + header, (int)(length - header)) != 1)
    return 0;
  uint8_t rollover[4], digest[SHA_DIGEST_LENGTH];
  put32(rollover, roc);
  SHA_CTX hash = srtp->inner;
  SHA1_Update(&hash, packet, length);
  SHA1_Update(&hash, rollover, sizeof rollover);
  SHA1_Final(digest, &hash);
  hash = srtp->outer;
  SHA1_Update(&hash, digest, sizeof digest);
  SHA1_Final(digest, &hash);
  memcpy(packet + length, digest, CM_TAG_LENGTH);
  return length + CM_TAG_LENGTH;
}

size_t srtp_protect(struct srtp *srtp, uint8_t *packet, size_t length, uint32_t ssrc, uint32_t rollover_counter,
                    uint16_t sequence_number) {
  size_t header = header_length(packet, length);
  if (header == 0) return 0;
  return srtp->profile == SRTP_AEAD_AES_128_GCM
             ? protect_gcm(srtp, packet, header, length, ssrc, rollover_counter, sequence_number)
             : protect_cm(srtp, packet, header, length, ssrc, rollover_counter, sequence_number);
}
