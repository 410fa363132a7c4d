/*
 * A thread that protects and sends, so that the thread of JavaScript does not stand still meanwhile. It takes copies of the
 * batches, in order. Whoever touches the sender holds its lock.
 */
#ifndef SRTP_BATCH_WORKER_H
#define SRTP_BATCH_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "ops.h"
#include "sender.h"

struct worker;

/* NULL when there is no thread to be had. Until the worker is stopped, `sender` is touched under `lock` only. */
struct worker *worker_start(struct sender *sender, pthread_mutex_t *lock);
/* Stops the thread after what it has in hand; what is queued is dropped. */
void worker_stop(struct worker *worker);

/* A job for at most `count` ops of `ops`, to be filled; NULL when too much waits already. */
struct job *worker_reserve(struct worker *worker, const struct ops *ops);
/* Op `index` of the batch belongs to the job. */
void job_add(struct job *job, const struct ops *ops, size_t index);
/* Hands the job over; takes it. */
void worker_submit(struct worker *worker, struct job *job);
/* Waits until all that was submitted is done. */
void worker_drain(struct worker *worker);

#endif
