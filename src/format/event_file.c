#include "format/event_file.h"

#include <string.h>

#include "base/crc32c.h"

/* Far more than the scalars of one epoch. */
#define MAX_MESSAGE_BYTES (1 << 20)

/* ---- Protocol Buffers ---- */

enum wire_type { WIRE_VARINT = 0, WIRE_64_BITS = 1, WIRE_BYTES = 2, WIRE_32_BITS = 5 };

static void add_varint(struct text *message, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        text_append(message, &(char){(char)((value & 0x7f) | 0x80)}, 1);
    text_append(message, &(char){(char)value}, 1);
}

static void add_tag(struct text *message, unsigned field, enum wire_type type)
{
    add_varint(message, (uint64_t)field << 3 | type);
}

/* Little-endian, whatever the machine is. */
static void put_bytes(uint64_t value, int n, char *bytes)
{
    for (int i = 0; i < n; i++)
        bytes[i] = (char)(value >> 8 * i & 0xff);
}

static void add_double(struct text *message, unsigned field, double value)
{
    uint64_t bits;
    char bytes[8];
    memcpy(&bits, &value, sizeof bits);
    put_bytes(bits, 8, bytes);
    add_tag(message, field, WIRE_64_BITS);
    text_append(message, bytes, sizeof bytes);
}

static void add_float(struct text *message, unsigned field, float value)
{
    uint32_t bits;
    char bytes[4];
    memcpy(&bits, &value, sizeof bits);
    put_bytes(bits, 4, bytes);
    add_tag(message, field, WIRE_32_BITS);
    text_append(message, bytes, sizeof bytes);
}

static void add_bytes(struct text *message, unsigned field, const char *data, size_t length)
{
    add_tag(message, field, WIRE_BYTES);
    add_varint(message, length);
    text_append(message, data, length);
}

/* ---- TFRecord ---- */

/* Rotated and shifted, so that the checksum of bytes that hold checksums is one like any other. */
static uint32_t masked_checksum(const void *bytes, size_t size)
{
    uint32_t crc = crc32c(0, bytes, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

static void write_record(FILE *stream, const char *data, size_t size)
{
    char length[8], checksum[4];
    put_bytes(size, 8, length);
    fwrite(length, 1, sizeof length, stream);
    put_bytes(masked_checksum(length, sizeof length), 4, checksum);
    fwrite(checksum, 1, sizeof checksum, stream);
    fwrite(data, 1, size, stream);
    put_bytes(masked_checksum(data, size), 4, checksum);
    fwrite(checksum, 1, sizeof checksum, stream);
}

/* ---- Events ---- */

enum event_field { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum summary_field { SUMMARY_VALUE = 1 };
enum value_field { VALUE_TAG = 1, VALUE_SIMPLE = 2 };

static bool write_message(FILE *stream, struct text *message)
{
    bool complete = !message->failed;
    if (complete)
        write_record(stream, message->data, message->length);
    text_free(message);
    return complete;
}

bool event_file_write_head(FILE *stream, double wall_time)
{
    static const char version[] = "brain.Event:2";
    struct text message = {.maximum = MAX_MESSAGE_BYTES};
    add_double(&message, EVENT_WALL_TIME, wall_time);
    add_bytes(&message, EVENT_FILE_VERSION, version, strlen(version));
    return write_message(stream, &message);
}

void event_begin(struct event *event, double wall_time, int64_t step)
{
    *event = (struct event){{.maximum = MAX_MESSAGE_BYTES}, wall_time, step};
}

void event_add_scalar(struct event *event, const char *tag, float value)
{
    struct text message = {.maximum = MAX_MESSAGE_BYTES};
    add_bytes(&message, VALUE_TAG, tag, strlen(tag));
    add_float(&message, VALUE_SIMPLE, value);
    if (message.failed)
        event->summary.failed = true;
    else
        add_bytes(&event->summary, SUMMARY_VALUE, message.data, message.length);
    text_free(&message);
}

bool event_end(FILE *stream, struct event *event)
{
    struct text message = {.maximum = MAX_MESSAGE_BYTES};
    add_double(&message, EVENT_WALL_TIME, event->wall_time);
    add_tag(&message, EVENT_STEP, WIRE_VARINT);
    add_varint(&message, (uint64_t)event->step);
    if (event->summary.length > 0)
        add_bytes(&message, EVENT_SUMMARY, event->summary.data, event->summary.length);
    message.failed = message.failed || event->summary.failed;
    text_free(&event->summary);
    return write_message(stream, &message);
}
