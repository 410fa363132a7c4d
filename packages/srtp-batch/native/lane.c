/* The table of lanes; see lane.h. */
#include "lane.h"

#include <stdlib.h>
#include <string.h>

#include "udp.h"

enum { MAX_SLOTS = 1 << 16, SLOT_BITS = 16, GENERATIONS = 1 << 15 };
#define NO_SLOT UINT32_MAX

struct lane_slot {
  struct lane *lane;
  uint32_t generation;
  uint32_t next_free;
};

void lane_table_init(struct lane_table *table) {
  memset(table, 0, sizeof *table);
  table->first_free = table->last_free = NO_SLOT;
}

void lane_table_clear(struct lane_table *table) {
  for (uint32_t i = 0; i < table->size; i++) {
    if (table->slots[i].lane) lane_remove(table, table->slots[i].lane->id);
  }
  free(table->slots);
  lane_table_init(table);
}

static void add_free(struct lane_table *table, uint32_t index) {
  table->slots[index].next_free = NO_SLOT;
  if (table->first_free == NO_SLOT) table->first_free = index;
  else table->slots[table->last_free].next_free = index;
  table->last_free = index;
}

static bool grow(struct lane_table *table) {
  if (table->size == MAX_SLOTS) return false;
  uint32_t size = table->size ? table->size * 2 : 64;
  struct lane_slot *slots = realloc(table->slots, size * sizeof *slots);
  if (!slots) return false;
  table->slots = slots;
  memset(slots + table->size, 0, (size - table->size) * sizeof *slots);
  uint32_t first = table->size;
  table->size = size;
  for (uint32_t i = first; i < size; i++) add_free(table, i);
  return true;
}

struct lane *lane_add(struct lane_table *table, struct srtp *srtp) {
  if (table->first_free == NO_SLOT && !grow(table)) return NULL;
  struct lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  uint32_t index = table->first_free;
  struct lane_slot *slot = &table->slots[index];
  table->first_free = slot->next_free;
  slot->lane = lane;
  lane->id = slot->generation << SLOT_BITS | index;
  lane->srtp = srtp;
  return lane;
}

struct lane *lane_find(const struct lane_table *table, uint32_t id) {
  struct lane *lane = lane_at(table, id & (MAX_SLOTS - 1));
  return lane && lane->id == id ? lane : NULL;
}

void lane_remove(struct lane_table *table, uint32_t id) {
  struct lane *lane = lane_find(table, id);
  if (!lane) return;
  uint32_t index = id & (MAX_SLOTS - 1);
  struct lane_slot *slot = &table->slots[index];
  slot->lane = NULL;
  slot->generation = (slot->generation + 1) % GENERATIONS;
  add_free(table, index);
  if (lane->socket) udp_socket_release(lane->socket);
  srtp_destroy(lane->srtp);
  free(lane);
}

struct lane *lane_at(const struct lane_table *table, uint32_t index) {
  return index < table->size ? table->slots[index].lane : NULL;
}
