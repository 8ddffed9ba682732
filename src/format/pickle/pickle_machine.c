#include "format/pickle/pickle_machine.h"

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

/* ---- Errors and input ---- */

void machine_stop(struct machine *m, int status, const char *what)
{
    if (!m->status)
        m->status = fail(m->error, status, "%s: pickle, byte %zu: %s", m->name, m->opcode_at, what);
}

void machine_malformed(struct machine *m, const char *what)
{
    machine_stop(m, VALENCE_ERROR_FORMAT, what);
}

void machine_out_of_room(struct machine *m)
{
    machine_stop(m, VALENCE_ERROR_LIMIT,
                 "its values take more memory than is allowed (or than there is)");
}

const unsigned char *machine_take(struct machine *m, uint64_t n)
{
    if (m->status || n > m->size - m->at) {
        machine_malformed(m, "the file is cut off here, or a length is wrong");
        return NULL;
    }
    const unsigned char *bytes = m->input + m->at;
    m->at += (size_t)n;
    return bytes;
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
    const unsigned char *start = m->input + m->at;
    const unsigned char *end = m->at < m->size ? memchr(start, '\n', m->size - m->at) : NULL;
    *length = end ? (size_t)(end - start) : m->size - m->at;
    return (const char *)machine_take(m, (uint64_t)*length + 1); /* fails without a line end */
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
