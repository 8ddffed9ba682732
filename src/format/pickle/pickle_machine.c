#include "format/pickle/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define WINDOW_BYTES    (256 << 10)
#define LEAST_LEFT      16384 /* bytes that are left in a file */
#define FIRST_LINE_LOOK 256

/* ---- Errors and input ---- */

void machine_stop(struct machine *m, int status, const char *what)
{
    if (!m->status)
        m->status = fail(m->error, status, "%s: pickle, byte %llu: %s", m->name,
                         (unsigned long long)m->opcode_at, what);
}

void machine_malformed(struct machine *m, const char *what)
{
    machine_stop(m, VALENCE_ERROR_FORMAT, what);
}

void machine_no_memory(struct machine *m)
{
    machine_stop(m, VALENCE_ERROR_MEMORY, "there is too little memory for its values");
}

void machine_out_of_room(struct machine *m)
{
    if (!m->pickle || m->pickle->no_memory)
        machine_no_memory(m);
    else
        machine_stop(m, VALENCE_ERROR_LIMIT, "its values take more memory than is allowed");
}

/* Moves the window so that it begins at m->at and holds n bytes, which the input has. */
static bool move_window(struct machine *m, uint64_t n)
{
    uint64_t left = m->size - m->at;
    uint64_t bytes = n > WINDOW_BYTES ? n : left < WINDOW_BYTES ? left : WINDOW_BYTES;
    if (bytes > m->buffer_size) {
        bool is_allowed = bytes <= m->pickle->maximum || bytes <= WINDOW_BYTES;
        unsigned char *buffer = is_allowed ? realloc(m->buffer, (size_t)bytes) : NULL;
        m->pickle->no_memory = is_allowed && !buffer;
        if (!buffer) {
            machine_out_of_room(m);
            return false;
        }
        m->buffer = buffer;
        m->buffer_size = (size_t)bytes;
    }
    int status = byte_source_read(m->source, m->at, m->buffer, (size_t)bytes, m->error);
    if (status) {
        m->status = status;
        return false;
    }
    m->window = m->buffer;
    m->window_at = m->at;
    m->window_size = bytes;
    return true;
}

/* The next n bytes, without taking them. */
static const unsigned char *look_at(struct machine *m, uint64_t n)
{
    if (m->status || n > m->size - m->at) {
        machine_malformed(m, "the file is cut off here, or a length is wrong");
        return NULL;
    }
    uint64_t end = m->window_at + m->window_size;
    if ((m->at < m->window_at || m->at > end || n > end - m->at) && !move_window(m, n))
        return NULL;
    return m->window + (m->at - m->window_at);
}

const unsigned char *machine_take(struct machine *m, uint64_t n)
{
    const unsigned char *bytes = look_at(m, n);
    m->at += bytes ? n : 0;
    return bytes;
}

void machine_push_bytes(struct machine *m, uint64_t n)
{
    struct pickle_value *value;
    if (m->source->bytes || n < LEAST_LEFT) {
        const unsigned char *bytes = machine_take(m, n);
        if (!bytes)
            return;
        value = m->source->bytes
                    ? pickle_new_bytes(m->pickle, PICKLE_BYTES, bytes, (size_t)n)
                    : pickle_new_copy(m->pickle, PICKLE_BYTES, (const char *)bytes, (size_t)n);
    } else {
        if (n > m->size - m->at) {
            machine_malformed(m, "the file is cut off here, or a length is wrong");
            return;
        }
        value = pickle_new_bytes(m->pickle, PICKLE_BYTES, NULL, (size_t)n);
        if (value)
            value->as.bytes.position = m->at;
        m->at += n;
    }
    machine_push(m, value);
}

uint64_t machine_take_number(struct machine *m, size_t n)
{
    uint64_t number = 0;
    const unsigned char *bytes = machine_take(m, n);
    if (bytes)
        memcpy(&number, bytes, n);
    return number;
}

const char *machine_take_line(struct machine *m, size_t *length)
{
    uint64_t left = m->size - m->at, looked = left < FIRST_LINE_LOOK ? left : FIRST_LINE_LOOK;
    const unsigned char *start, *end = NULL;
    *length = 0;
    while ((start = look_at(m, looked)) && !(end = memchr(start, '\n', (size_t)looked)) &&
           looked < left)
        looked = left - looked < looked ? left : 2 * looked;
    if (start && !end)
        machine_malformed(m, "the file is cut off within a line");
    if (!end)
        return NULL;
    *length = (size_t)(end - start);
    m->at += *length + 1;
    return (const char *)start;
}

bool machine_take_digits(struct machine *m, char text[MACHINE_MAX_DIGITS])
{
    size_t length;
    const char *line = machine_take_line(m, &length);
    if (line && length >= MACHINE_MAX_DIGITS)
        machine_stop(m, VALENCE_ERROR_UNSUPPORTED, "a number of too many digits");
    if (m->status)
        return false;
    memcpy(text, line, length);
    text[length] = '\0';
    return true;
}

/* ---- The stack ---- */

void machine_push(struct machine *m, struct pickle_value *value)
{
    if (!value) {
        machine_out_of_room(m);
        return;
    }
    int status = grow_array((void **)&m->stack, &m->stack_capacity, m->height + 1, sizeof *m->stack,
                            INT64_MAX, "values on the stack of a pickle", m->error);
    if (status && !m->status)
        m->status = status;
    if (!m->status)
        m->stack[m->height++] = value;
}

int64_t machine_floor(const struct machine *m)
{
    return m->n_marks ? m->marks[m->n_marks - 1] : 0;
}

struct pickle_value *machine_pop(struct machine *m)
{
    if (m->status || m->height <= machine_floor(m)) {
        machine_malformed(m, "an operation finds nothing on the stack");
        return NULL;
    }
    return m->stack[--m->height];
}

struct pickle_value *machine_top(struct machine *m)
{
    struct pickle_value *value = machine_pop(m);
    m->height += value != NULL;
    return value;
}

void machine_mark(struct machine *m)
{
    int status = grow_array((void **)&m->marks, &m->marks_capacity, m->n_marks + 1,
                            sizeof *m->marks, INT64_MAX, "marks in a pickle", m->error);
    if (status)
        m->status = status;
    else
        m->marks[m->n_marks++] = m->height;
}

struct pickle_value **machine_pop_marked(struct machine *m, int64_t *n)
{
    *n = 0;
    if (m->n_marks == 0) {
        machine_malformed(m, "an operation finds no mark on the stack");
        return NULL;
    }
    int64_t height = m->marks[--m->n_marks];
    *n = m->height - height;
    m->height = height;
    return *n ? m->stack + height : NULL; /* there may be no stack yet */
}
