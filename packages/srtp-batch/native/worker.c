/* The optional thread; see worker.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime, pthread_condattr_setclock */
#endif
#include "worker.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  /* What may wait for the thread; beyond, it cannot keep up, and more would only be late. */
  MAX_QUEUED_BYTES = 16 << 20,
  /* Ops for which the lock is held in one piece: about 0.2 ms. */
  CHUNK = 64,
  /* How soon a full socket is tried again, in ns. */
  RETRY_INTERVAL = 1000000,
};

struct job {
  struct job *next;
  size_t size;
  struct ops ops;
  uint32_t *words;
  uint8_t *templates;
  /* Bytes of templates used. */
  size_t used;
  /* The templates were copied as they lay, from this offset on; else one by one. */
  bool as_they_lay;
  size_t first;
};

struct worker {
  struct sender *sender;
  pthread_mutex_t *sender_lock;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t work, idle;
  struct job *first, *last;
  size_t queued_bytes;
  bool busy, stopping;
};

/* ---- jobs ---- */

/* Where the templates of a batch lie. False: some op names none. */
static bool range(const struct ops *ops, size_t *from, size_t *to) {
  size_t low = SIZE_MAX, high = 0;
  for (size_t i = 0; i < ops->count; i++) {
    const uint32_t *op = op_at(ops, i);
    size_t offset = op[OP_OFFSET], end = offset + op[OP_LENGTH];
    if (end > ops->templates_length) return false;
    if (offset < low) low = offset;
    if (end > high) high = end;
  }
  *from = low;
  *to = high;
  return ops->count > 0;
}

/* Bytes of all templates, each as often as it is used. */
static size_t total_length(const struct ops *ops) {
  size_t total = 0;
  for (size_t i = 0; i < ops->count; i++) {
    size_t length = op_at(ops, i)[OP_LENGTH];
    if (length <= UDP_MAX_DATAGRAM) total += length;
  }
  return total;
}

struct job *worker_reserve(struct worker *worker, const struct ops *ops) {
  size_t from = 0, to = 0, bytes = total_length(ops);
  /* Sessions share templates: mostly it is less to copy all of them once. */
  bool as_they_lay = range(ops, &from, &to) && to - from <= bytes;
  if (as_they_lay) bytes = to - from;
  size_t words = ops->count * OP_WORDS * sizeof(uint32_t);
  size_t size = sizeof(struct job) + words + bytes;

  pthread_mutex_lock(&worker->lock);
  bool full = worker->queued_bytes + size > MAX_QUEUED_BYTES;
  pthread_mutex_unlock(&worker->lock);
  struct job *job = full ? NULL : malloc(size);
  if (!job) return NULL;
  memset(job, 0, sizeof *job);
  job->size = size;
  job->words = (uint32_t *)(job + 1);
  job->templates = (uint8_t *)job->words + words;
  job->ops = (struct ops){.templates = job->templates, .templates_length = bytes, .words = job->words};
  job->as_they_lay = as_they_lay;
  job->first = from;
  if (as_they_lay) memcpy(job->templates, ops->templates + from, bytes);
  return job;
}

void job_add(struct job *job, const struct ops *ops, size_t index) {
  const uint32_t *op = op_at(ops, index);
  uint32_t *copy = job->words + job->ops.count++ * OP_WORDS;
  memcpy(copy, op, OP_WORDS * sizeof *copy);
  if (job->as_they_lay) {
    copy[OP_OFFSET] = (uint32_t)(op[OP_OFFSET] - job->first);
    return;
  }
  size_t offset = op[OP_OFFSET], length = op[OP_LENGTH];
  if (length > UDP_MAX_DATAGRAM || offset + length > ops->templates_length) {
    copy[OP_LENGTH] = 0; /* the sender drops it and counts that */
    return;
  }
  copy[OP_OFFSET] = (uint32_t)job->used;
  memcpy(job->templates + job->used, ops->templates + offset, length);
  job->used += length;
}

void worker_submit(struct worker *worker, struct job *job) {
  pthread_mutex_lock(&worker->lock);
  if (worker->last) worker->last->next = job;
  else worker->first = job;
  worker->last = job;
  worker->queued_bytes += job->size;
  pthread_cond_signal(&worker->work);
  pthread_mutex_unlock(&worker->lock);
}

void worker_drain(struct worker *worker) {
  pthread_mutex_lock(&worker->lock);
  while (worker->busy || worker->first) pthread_cond_wait(&worker->idle, &worker->lock);
  pthread_mutex_unlock(&worker->lock);
}

/* ---- the thread ---- */

static void run(struct worker *worker, const struct job *job) {
  for (size_t from = 0; from < job->ops.count; from += CHUNK) {
    size_t to = from + CHUNK < job->ops.count ? from + CHUNK : job->ops.count;
    pthread_mutex_lock(worker->sender_lock);
    sender_run(worker->sender, &job->ops, from, to);
    pthread_mutex_unlock(worker->sender_lock);
  }
}

static bool flush_waiting(struct worker *worker) {
  pthread_mutex_lock(worker->sender_lock);
  bool waiting = batch_flush_waiting(worker->sender->batch);
  pthread_mutex_unlock(worker->sender_lock);
  return waiting;
}

static void pause_for_retry(struct worker *worker) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += RETRY_INTERVAL;
  if (until.tv_nsec >= 1000000000) {
    until.tv_nsec -= 1000000000;
    until.tv_sec++;
  }
  pthread_cond_timedwait(&worker->work, &worker->lock, &until);
}

static void *work(void *argument) {
  struct worker *worker = argument;
  bool waiting = false;
  pthread_mutex_lock(&worker->lock);
  while (!worker->stopping) {
    struct job *job = worker->first;
    if (!job && !waiting) {
      pthread_cond_wait(&worker->work, &worker->lock);
      continue;
    }
    if (!job) pause_for_retry(worker);
    if (job) {
      worker->first = job->next;
      if (!worker->first) worker->last = NULL;
      worker->queued_bytes -= job->size;
    }
    worker->busy = true;
    pthread_mutex_unlock(&worker->lock);
    if (waiting) flush_waiting(worker);
    if (job) run(worker, job);
    free(job);
    pthread_mutex_lock(worker->sender_lock);
    waiting = batch_is_waiting(worker->sender->batch);
    pthread_mutex_unlock(worker->sender_lock);
    pthread_mutex_lock(&worker->lock);
    worker->busy = false;
    pthread_cond_broadcast(&worker->idle);
  }
  pthread_mutex_unlock(&worker->lock);
  return NULL;
}

struct worker *worker_start(struct sender *sender, pthread_mutex_t *lock) {
  struct worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  worker->sender = sender;
  worker->sender_lock = lock;
  pthread_mutex_init(&worker->lock, NULL);
  pthread_cond_init(&worker->work, NULL);
  pthread_cond_init(&worker->idle, NULL);
  /* Signals belong to the thread of JavaScript. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&worker->thread, NULL, work, worker) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started) return worker;
  free(worker);
  return NULL;
}

void worker_stop(struct worker *worker) {
  if (!worker) return;
  pthread_mutex_lock(&worker->lock);
  worker->stopping = true;
  pthread_cond_signal(&worker->work);
  pthread_mutex_unlock(&worker->lock);
  pthread_join(worker->thread, NULL);
  while (worker->first) {
    struct job *job = worker->first;
    worker->first = job->next;
    free(job);
  }
  pthread_cond_destroy(&worker->work);
  pthread_cond_destroy(&worker->idle);
  pthread_mutex_destroy(&worker->lock);
  free(worker);
}
