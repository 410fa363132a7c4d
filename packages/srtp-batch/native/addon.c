/*
 * What JavaScript sees: the class `NativeSender`. Its one caller is src/batch-sender.ts, which knows what goes together; here
 * every argument is checked nevertheless, so that no number makes it read or write where it must not.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <node_api.h>

#include "sender.h"
#include "worker.h"

enum { MAX_SOCKETS = 1 << 16, MAX_ADDRESS = 128, MAX_ARGUMENTS = 6 };

/* Words before the entries of the spilled packets: see send(). */
enum { SPILL_NEXT, SPILL_COUNT, SPILL_WAITING, SPILL_HEADER };

struct native {
  struct sender sender;
  /* Held by whoever touches the sender. */
  pthread_mutex_t lock;
  struct worker *worker;
  struct udp_socket **sockets;
  uint32_t socket_slots;
  bool segmentation;
  bool open;
};

/* ---- arguments ---- */

struct call {
  napi_env env;
  size_t count;
  napi_value arguments[MAX_ARGUMENTS];
  struct native *native;
};

static void fail(napi_env env, const char *message) { napi_throw_error(env, NULL, message); }

/* False where an exception is pending: not a sender, a closed one, or too few arguments. */
static bool begin(napi_env env, napi_callback_info info, size_t needed, struct call *call) {
  napi_value self;
  void *native = NULL;
  call->env = env;
  call->count = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &call->count, call->arguments, &self, NULL) != napi_ok) return false;
  if (napi_unwrap(env, self, &native) != napi_ok || !native) {
    fail(env, "not a NativeSender");
    return false;
  }
  call->native = native;
  if (!call->native->open) {
    fail(env, "the sender is closed");
    return false;
  }
  if (call->count < needed) {
    fail(env, "an argument is missing");
    return false;
  }
  return true;
}

static bool get_uint32(struct call *call, size_t index, uint32_t *out) {
  if (napi_get_value_uint32(call->env, call->arguments[index], out) == napi_ok) return true;
  fail(call->env, "a number is expected");
  return false;
}

static bool get_int32(struct call *call, size_t index, int32_t *out) {
  if (napi_get_value_int32(call->env, call->arguments[index], out) == napi_ok) return true;
  fail(call->env, "a number is expected");
  return false;
}

/* Elements of a typed array of the given type. */
static bool get_array(struct call *call, size_t index, napi_typedarray_type wanted, void **data, size_t *length) {
  napi_typedarray_type type;
  bool is = false;
  napi_value value = call->arguments[index];
  if (napi_is_typedarray(call->env, value, &is) == napi_ok && is &&
      napi_get_typedarray_info(call->env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted) {
    return true;
  }
  fail(call->env, "a typed array of another type is expected");
  return false;
}

static napi_value number(napi_env env, double value) {
  napi_value result;
  return napi_create_double(env, value, &result) == napi_ok ? result : NULL;
}

static napi_value boolean(napi_env env, bool value) {
  napi_value result;
  return napi_get_boolean(env, value, &result) == napi_ok ? result : NULL;
}

/* ---- life ---- */

static void native_close(struct native *native) {
  if (!native->open) return;
  native->open = false;
  worker_stop(native->worker);
  native->worker = NULL;
  sender_clear(&native->sender);
  for (uint32_t i = 0; i < native->socket_slots; i++) {
    if (native->sockets[i]) udp_socket_release(native->sockets[i]);
  }
  free(native->sockets);
  native->sockets = NULL;
  native->socket_slots = 0;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct native *native = data;
  native_close(native);
  pthread_mutex_destroy(&native->lock);
  free(native);
}

/* new NativeSender(segmentation: boolean, thread: boolean) */
static napi_value construct(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2], self;
  bool segmentation = false, thread = false;
  if (napi_get_cb_info(env, info, &count, arguments, &self, NULL) != napi_ok) return NULL;
  if (count < 2 || napi_get_value_bool(env, arguments[0], &segmentation) != napi_ok ||
      napi_get_value_bool(env, arguments[1], &thread) != napi_ok) {
    fail(env, "two booleans are expected");
    return NULL;
  }
  struct native *native = calloc(1, sizeof *native);
  if (!native || !sender_init(&native->sender)) {
    free(native);
    fail(env, "no memory");
    return NULL;
  }
  native->open = true;
  native->segmentation = segmentation;
  pthread_mutex_init(&native->lock, NULL);
  if (napi_wrap(env, self, native, finalize, NULL, NULL) != napi_ok) {
    finalize(env, native, NULL);
    fail(env, "not a new object");
    return NULL;
  }
  if (thread && !(native->worker = worker_start(&native->sender, &native->lock))) {
    native_close(native);
    fail(env, "the system gave no thread");
    return NULL;
  }
  return self;
}

/* close(): frees everything but the object. Idempotent. */
static napi_value close_sender(napi_env env, napi_callback_info info) {
  napi_value self;
  void *native = NULL;
  if (napi_get_cb_info(env, info, NULL, NULL, &self, NULL) == napi_ok && napi_unwrap(env, self, &native) == napi_ok && native) {
    native_close(native);
  }
  return NULL;
}

/* ---- sockets ---- */

static struct udp_socket *find_socket(const struct native *native, int32_t id) {
  return id >= 0 && (uint32_t)id < native->socket_slots ? native->sockets[id] : NULL;
}

/* A free number for a socket, or -1. */
static int32_t free_slot(struct native *native) {
  for (uint32_t i = 0; i < native->socket_slots; i++) {
    if (!native->sockets[i]) return (int32_t)i;
  }
  uint32_t slots = native->socket_slots ? native->socket_slots * 2 : 16;
  struct udp_socket **sockets = slots <= MAX_SOCKETS ? realloc(native->sockets, slots * sizeof *sockets) : NULL;
  if (!sockets) return -1;
  memset(sockets + native->socket_slots, 0, (slots - native->socket_slots) * sizeof *sockets);
  uint32_t first = native->socket_slots;
  native->sockets = sockets;
  native->socket_slots = slots;
  return (int32_t)first;
}

/* openSocket(descriptor): number of a socket, or -1 where the descriptor is no UDP socket */
static napi_value open_socket(napi_env env, napi_callback_info info) {
  struct call call;
  int32_t descriptor;
  if (!begin(env, info, 1, &call) || !get_int32(&call, 0, &descriptor)) return NULL;
  int32_t slot = free_slot(call.native);
  struct udp_socket *socket = slot < 0 ? NULL : udp_socket_open(descriptor, call.native->segmentation);
  if (!socket) return number(env, -1);
  call.native->sockets[slot] = socket;
  return number(env, slot);
}

/* closeSocket(socket): what lanes send by it from now on is dropped */
static napi_value close_socket(napi_env env, napi_callback_info info) {
  struct call call;
  int32_t id;
  if (!begin(env, info, 1, &call) || !get_int32(&call, 0, &id)) return NULL;
  struct udp_socket *socket = find_socket(call.native, id);
  if (!socket) return NULL;
  pthread_mutex_lock(&call.native->lock);
  batch_close_socket(call.native->sender.batch, socket);
  udp_socket_release(socket);
  pthread_mutex_unlock(&call.native->lock);
  call.native->sockets[id] = NULL;
  return NULL;
}

/* ---- lanes ---- */

/* addLane(profile, masterKey, masterSalt): number of a lane without destination */
static napi_value add_lane(napi_env env, napi_callback_info info) {
  struct call call;
  uint32_t profile;
  void *key, *salt;
  size_t key_length, salt_length;
  if (!begin(env, info, 3, &call) || !get_uint32(&call, 0, &profile) ||
      !get_array(&call, 1, napi_uint8_array, &key, &key_length) || !get_array(&call, 2, napi_uint8_array, &salt, &salt_length)) {
    return NULL;
  }
  size_t wanted = profile == SRTP_AEAD_AES_128_GCM ? SRTP_GCM_SALT_LENGTH : SRTP_CM_SALT_LENGTH;
  if (profile > SRTP_AES128_CM_HMAC_SHA1_80 || key_length != SRTP_KEY_LENGTH || salt_length != wanted) {
    fail(env, "the keys do not have the length that the profile wants");
    return NULL;
  }
  struct srtp *srtp = srtp_create((enum srtp_profile)profile, key, salt);
  pthread_mutex_lock(&call.native->lock);
  struct lane *lane = srtp ? lane_add(&call.native->sender.lanes, srtp) : NULL;
  pthread_mutex_unlock(&call.native->lock);
  if (!lane) {
    srtp_destroy(srtp);
    fail(env, "there is no room for one more lane");
    return NULL;
  }
  return number(env, lane->id);
}

/* setDestination(lane, socket or -1, address, port): whether packets leave from here; otherwise send() spills them */
static napi_value set_destination(napi_env env, napi_callback_info info) {
  struct call call;
  uint32_t id, port;
  int32_t socket_id;
  char address[MAX_ADDRESS];
  size_t address_length = 0;
  if (!begin(env, info, 4, &call) || !get_uint32(&call, 0, &id) || !get_int32(&call, 1, &socket_id) ||
      !get_uint32(&call, 3, &port)) {
    return NULL;
  }
  if (napi_get_value_string_utf8(env, call.arguments[2], address, sizeof address, &address_length) != napi_ok) {
    fail(env, "an address is expected");
    return NULL;
  }
  struct udp_socket *socket = find_socket(call.native, socket_id);
  struct sockaddr_storage parsed;
  socklen_t length = 0;
  bool possible = socket && port > 0 && port < 65536 && address_length + 1 < sizeof address;
  if (possible) length = udp_address(socket, address, (uint16_t)port, &parsed);
  if (length == 0) socket = NULL;

  pthread_mutex_lock(&call.native->lock);
  struct lane *lane = lane_find(&call.native->sender.lanes, id);
  if (lane) {
    if (socket) udp_socket_retain(socket);
    if (lane->socket) udp_socket_release(lane->socket);
    lane->socket = socket;
    if (socket) {
      lane->address = parsed;
      lane->address_length = length;
    }
  }
  pthread_mutex_unlock(&call.native->lock);
  return boolean(env, lane && socket);
}

static napi_value remove_lane(napi_env env, napi_callback_info info) {
  struct call call;
  uint32_t id;
  if (!begin(env, info, 1, &call) || !get_uint32(&call, 0, &id)) return NULL;
  pthread_mutex_lock(&call.native->lock);
  lane_remove(&call.native->sender.lanes, id);
  pthread_mutex_unlock(&call.native->lock);
  return NULL;
}

/* counters(lane, Float64Array): fills in packets, bytes and dropped; false for an unknown lane */
static napi_value counters(napi_env env, napi_callback_info info) {
  struct call call;
  uint32_t id;
  void *out;
  size_t length;
  if (!begin(env, info, 2, &call) || !get_uint32(&call, 0, &id) || !get_array(&call, 1, napi_float64_array, &out, &length)) {
    return NULL;
  }
  pthread_mutex_lock(&call.native->lock);
  struct lane *lane = lane_find(&call.native->sender.lanes, id);
  if (lane && length >= 3) {
    double values[3] = {(double)lane->packets, (double)lane->bytes, (double)lane->dropped};
    memcpy(out, values, sizeof values);
  }
  pthread_mutex_unlock(&call.native->lock);
  return boolean(env, lane != NULL);
}

/* ---- sending ---- */

static bool is_spilled(const struct native *native, const uint32_t *op) {
  /* Only this thread changes lanes: it may look at them without the lock. */
  struct lane *lane = lane_find(&native->sender.lanes, op[OP_LANE]);
  return lane && !lane->socket;
}

static void count_dropped(struct native *native, uint32_t lane_id) {
  struct lane *lane = lane_find(&native->sender.lanes, lane_id);
  if (lane) lane->dropped++;
}

/* With the thread: what has to be spilled is protected here, the rest is copied for the thread. As sender_run_spilling. */
static size_t send_there(struct native *native, const struct ops *ops, size_t from, struct spill *spill, size_t *next) {
  struct ops rest = *ops;
  rest.words = op_at(ops, from);
  rest.count = ops->count - from;
  struct job *job = worker_reserve(native->worker, &rest);
  size_t taken = 0, i = 0;
  for (; i < rest.count; i++) {
    const uint32_t *op = op_at(&rest, i);
    if (is_spilled(native, op)) {
      pthread_mutex_lock(&native->lock);
      enum op_result result = sender_run_op(&native->sender, &rest, i, spill);
      pthread_mutex_unlock(&native->lock);
      if (result == OP_SPILL_FULL) break;
    } else if (!job) {
      pthread_mutex_lock(&native->lock);
      count_dropped(native, op[OP_LANE]);
      pthread_mutex_unlock(&native->lock);
    } else if (lane_find(&native->sender.lanes, op[OP_LANE])) {
      job_add(job, &rest, i);
      taken++;
    }
  }
  if (job) worker_submit(native->worker, job);
  *next = from + i;
  return taken;
}

/*
 * send(templates, words, from, count, spillBytes, spillIndex): number of packets taken.
 *
 * Ops `from` to `count` of `words`. Packets of lanes without a socket are written to `spillBytes`, one behind the other.
 * spillIndex: the op to go on with, equal to `count` when all is done; the number of spilled packets; 1 where packets wait
 * for a full socket, so that flush() must be called; then the lane and the length of each spilled packet.
 */
static napi_value send_batch(napi_env env, napi_callback_info info) {
  struct call call;
  void *templates, *words, *bytes, *index;
  size_t templates_length, words_length, bytes_length, index_length;
  uint32_t from, count;
  if (!begin(env, info, 6, &call) || !get_array(&call, 0, napi_uint8_array, &templates, &templates_length) ||
      !get_array(&call, 1, napi_uint32_array, &words, &words_length) || !get_uint32(&call, 2, &from) ||
      !get_uint32(&call, 3, &count) || !get_array(&call, 4, napi_uint8_array, &bytes, &bytes_length) ||
      !get_array(&call, 5, napi_uint32_array, &index, &index_length)) {
    return NULL;
  }
  if (count > words_length / OP_WORDS || from > count || bytes_length < UDP_MAX_DATAGRAM || index_length < SPILL_HEADER + 2) {
    fail(env, "there are fewer ops than said, or no room for a packet");
    return NULL;
  }
  uint32_t *header = index;
  struct spill spill = {
      .bytes = bytes,
      .size = bytes_length,
      .entries = header + SPILL_HEADER,
      .capacity = (index_length - SPILL_HEADER) / 2,
  };
  struct ops ops = {.templates = templates, .templates_length = templates_length, .words = words, .count = count};
  struct native *native = call.native;
  size_t next = from, taken;
  bool waiting = false;
  if (native->worker) {
    taken = send_there(native, &ops, from, &spill, &next);
  } else {
    taken = sender_run_spilling(&native->sender, &ops, from, ops.count, &spill, &next);
    waiting = batch_is_waiting(native->sender.batch);
  }
  header[SPILL_NEXT] = (uint32_t)next;
  header[SPILL_COUNT] = (uint32_t)spill.count;
  header[SPILL_WAITING] = waiting;
  return number(env, (double)taken);
}

/* flush(): tries again what full sockets did not take; whether something still waits */
static napi_value flush(napi_env env, napi_callback_info info) {
  struct call call;
  if (!begin(env, info, 0, &call)) return NULL;
  if (call.native->worker) {
    worker_drain(call.native->worker);
    return boolean(env, false);
  }
  return boolean(env, batch_flush_waiting(call.native->sender.batch));
}

/* stats(Float64Array): fills in system calls, messages (a segmented one counts once) and datagrams */
static napi_value stats(napi_env env, napi_callback_info info) {
  struct call call;
  void *out;
  size_t length;
  if (!begin(env, info, 1, &call) || !get_array(&call, 0, napi_float64_array, &out, &length)) return NULL;
  pthread_mutex_lock(&call.native->lock);
  struct batch_stats stats = batch_stats(call.native->sender.batch);
  pthread_mutex_unlock(&call.native->lock);
  double values[3] = {(double)stats.system_calls, (double)stats.messages, (double)stats.datagrams};
  if (length >= 3) memcpy(out, values, sizeof values);
  return NULL;
}

NAPI_MODULE_INIT() {
  const char *missing = srtp_missing_function();
  if (missing) {
    char message[96] = "this process has no OpenSSL function ";
    strncat(message, missing, sizeof message - strlen(message) - 1);
    fail(env, message);
    return NULL;
  }
  const napi_property_descriptor methods[] = {
      {"openSocket", NULL, open_socket, NULL, NULL, NULL, napi_default_method, NULL},
      {"closeSocket", NULL, close_socket, NULL, NULL, NULL, napi_default_method, NULL},
      {"addLane", NULL, add_lane, NULL, NULL, NULL, napi_default_method, NULL},
      {"setDestination", NULL, set_destination, NULL, NULL, NULL, napi_default_method, NULL},
      {"removeLane", NULL, remove_lane, NULL, NULL, NULL, napi_default_method, NULL},
      {"counters", NULL, counters, NULL, NULL, NULL, napi_default_method, NULL},
      {"send", NULL, send_batch, NULL, NULL, NULL, napi_default_method, NULL},
      {"flush", NULL, flush, NULL, NULL, NULL, napi_default_method, NULL},
      {"stats", NULL, stats, NULL, NULL, NULL, napi_default_method, NULL},
      {"close", NULL, close_sender, NULL, NULL, NULL, napi_default_method, NULL},
  };
  napi_value constructor;
  if (napi_define_class(env, "NativeSender", NAPI_AUTO_LENGTH, construct, NULL, sizeof methods / sizeof *methods, methods,
                        &constructor) != napi_ok ||
      napi_set_named_property(env, exports, "NativeSender", constructor) != napi_ok) {
    return NULL;
  }
  return exports;
}
