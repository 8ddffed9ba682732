/* TensorBoard's event files: records of TFRecord (length, checksum, bytes, checksum) that hold
 * messages of Protocol Buffers. The few fields that scalars need are written here.
 *
 * Sources: TensorFlow, lib/io/record_writer.h (framing), util/event.proto and
 * framework/summary.proto (messages). */
#ifndef VALENCE_FORMAT_EVENT_FILE_H
#define VALENCE_FORMAT_EVENT_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

/* One event with scalars of one step; start with event_begin(). */
struct event {
    struct text summary; /* the encoded values */
    double wall_time;    /* seconds since 1970-01-01 UTC */
    int64_t step;
};

/* The record that an event file begins with. False if memory was short; failed writes stay in the
 * stream's error flag, here and below. */
bool event_file_write_head(FILE *stream, double wall_time);

void event_begin(struct event *event, double wall_time, int64_t step);
void event_add_scalar(struct event *event, const char *tag, float value);

/* Writes the event and frees it. False if memory was short, also for one of its scalars. */
bool event_end(FILE *stream, struct event *event);

#endif
