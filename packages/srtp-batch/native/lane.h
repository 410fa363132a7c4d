/* A lane is what one session needs to send: its SRTP keys, where its packets go, and how many went. */
#ifndef SRTP_BATCH_LANE_H
#define SRTP_BATCH_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "srtp.h"

struct udp_socket;

struct lane {
  uint32_t id;
  struct srtp *srtp;
  /* NULL: packets are protected here and sent by JavaScript. Holds a reference. */
  struct udp_socket *socket;
  struct sockaddr_storage address;
  socklen_t address_length;
  uint64_t packets, bytes, dropped;
};

/*
 * Lanes by number. The number of a removed lane does not come back before its slot was used 32768 times: an op of a removed
 * lane that is still in a batch must not reach another session.
 */
struct lane_table {
  struct lane_slot *slots;
  uint32_t size;
  /* Free slots, oldest first. */
  uint32_t first_free, last_free;
};

void lane_table_init(struct lane_table *table);
/* Frees all lanes. */
void lane_table_clear(struct lane_table *table);
/* A new lane with a number, or NULL: no memory, or 65536 lanes already. Takes `srtp`, unless it returns NULL. */
struct lane *lane_add(struct lane_table *table, struct srtp *srtp);
/* NULL for a number that is no lane's. */
struct lane *lane_find(const struct lane_table *table, uint32_t id);
void lane_remove(struct lane_table *table, uint32_t id);
/* Lane in slot `index`, or NULL; for going through all of them, up to `table->size`. */
struct lane *lane_at(const struct lane_table *table, uint32_t index);

#endif
