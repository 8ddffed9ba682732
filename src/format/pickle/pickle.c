#include "format/pickle/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/pickle/pickle_machine.h"

#define BYTES_PER_INPUT_BYTE 32
#define LEAST_MAXIMUM        ((size_t)16 << 20)
#define LARGEST_MAXIMUM      ((size_t)4 << 30)
#define MAX_PROTOCOL         5

/* ---- Containers ---- */

static void pop_n(struct machine *m, enum pickle_type type, int64_t n)
{
    if (m->height - machine_floor(m) < n) {
        machine_malformed(m, "an operation finds nothing on the stack");
        return;
    }
    m->height -= n;
    machine_push(m, pickle_new_items(m->pickle, type, n ? m->stack + m->height : NULL, n));
}

/* Adds n values to what is on top of the stack: a `type`, or an object of whose contents they
 * become part. */
static void extend_top(struct machine *m, enum pickle_type type, struct pickle_value *const *values,
                       int64_t n)
{
    struct pickle_value *container = machine_top(m);
    if (!container)
        return;
    if (type == PICKLE_DICT && n % 2 != 0) {
        machine_malformed(m, "a key without a value");
        return;
    }
    if (container->type == PICKLE_OBJECT) {
        if (!container->as.object.contents)
            container->as.object.contents = pickle_new(m->pickle, PICKLE_LIST);
        container = container->as.object.contents;
    } else if (container->type != type) {
        machine_malformed(m, "items for something that does not hold them");
        return;
    }
    if (!container || !pickle_extend(m->pickle, container, values, n))
        machine_out_of_room(m);
}

static void extend_by_marked(struct machine *m, enum pickle_type type)
{
    int64_t n;
    struct pickle_value **values = machine_pop_marked(m, &n);
    if (!m->status)
        extend_top(m, type, values, n);
}

static void extend_by(struct machine *m, enum pickle_type type, int64_t n)
{
    if (m->height - machine_floor(m) <= n) {
        machine_malformed(m, "an operation finds nothing on the stack");
        return;
    }
    m->height -= n;
    extend_top(m, type, m->stack + m->height, n);
}

static void push_marked(struct machine *m, enum pickle_type type)
{
    int64_t n;
    struct pickle_value **values = machine_pop_marked(m, &n);
    if (type == PICKLE_DICT && n % 2 != 0)
        machine_malformed(m, "a key without a value");
    if (!m->status)
        machine_push(m, pickle_new_items(m->pickle, type, values, n));
}

static bool run_container(struct machine *m, int opcode)
{
    switch (opcode) {
    case ')':
    case 0x85: /* TUPLE1, 2, 3 */
    case 0x86:
    case 0x87:
        pop_n(m, PICKLE_TUPLE, opcode == ')' ? 0 : opcode - 0x84);
        return true;
    case ']':
        machine_push(m, pickle_new(m->pickle, PICKLE_LIST));
        return true;
    case '}':
        machine_push(m, pickle_new(m->pickle, PICKLE_DICT));
        return true;
    case 0x8f: /* EMPTY_SET */
        machine_push(m, pickle_new(m->pickle, PICKLE_SET));
        return true;
    case 't':
        push_marked(m, PICKLE_TUPLE);
        return true;
    case 'l':
        push_marked(m, PICKLE_LIST);
        return true;
    case 'd':
        push_marked(m, PICKLE_DICT);
        return true;
    case 0x91: /* FROZENSET */
        push_marked(m, PICKLE_SET);
        return true;
    case 'a':
        extend_by(m, PICKLE_LIST, 1);
        return true;
    case 's':
        extend_by(m, PICKLE_DICT, 2);
        return true;
    case 'e':
        extend_by_marked(m, PICKLE_LIST);
        return true;
    case 'u':
        extend_by_marked(m, PICKLE_DICT);
        return true;
    case 0x90: /* ADDITEMS */
        extend_by_marked(m, PICKLE_SET);
        return true;
    }
    return false;
}

/* ---- The stack itself, and the memo ---- */

/* Indices are given out one by one, so none can exceed the number of bytes. */
static void put(struct machine *m, uint64_t index)
{
    struct pickle_value *value = machine_top(m);
    if (index >= m->size)
        machine_malformed(m, "a memo index out of range");
    if (m->status)
        return;
    int status = grow_array((void **)&m->memo, &m->memo_capacity, (int64_t)index + 1,
                            sizeof *m->memo, INT64_MAX, "values remembered in a pickle", m->error);
    if (status) {
        m->status = status;
        return;
    }
    while (m->n_memo <= (int64_t)index)
        m->memo[m->n_memo++] = NULL;
    m->memo[index] = value;
}

static void get(struct machine *m, uint64_t index)
{
    struct pickle_value *value = index < (uint64_t)m->n_memo ? m->memo[index] : NULL;
    if (!value)
        machine_malformed(m, "a reference to a value that was never remembered");
    if (!m->status)
        machine_push(m, value);
}

static uint64_t take_index_line(struct machine *m)
{
    char text[MACHINE_MAX_DIGITS];
    long long index;
    if (!machine_take_digits(m, text))
        return UINT64_MAX;
    return parse_int64(text, &index) && index >= 0 ? (uint64_t)index : UINT64_MAX;
}

static bool run_stack(struct machine *m, int opcode)
{
    int64_t n;
    switch (opcode) {
    case '(':
        machine_mark(m);
        return true;
    case '0': /* of a mark where nothing is above it */
        if (m->n_marks && m->height == machine_floor(m))
            m->n_marks--;
        else
            machine_pop(m);
        return true;
    case '1':
        machine_pop_marked(m, &n);
        return true;
    case '2':
        machine_push(m, machine_top(m));
        return true;
    case 'p':
        put(m, take_index_line(m));
        return true;
    case 'q': /* BINPUT */
    case 'r': /* LONG_BINPUT */
        put(m, machine_take_number(m, opcode == 'q' ? 1 : 4));
        return true;
    case 0x94: /* MEMOIZE */
        put(m, (uint64_t)m->n_memo);
        return true;
    case 'g':
        get(m, take_index_line(m));
        return true;
    case 'h': /* BINGET */
    case 'j': /* LONG_BINGET */
        get(m, machine_take_number(m, opcode == 'h' ? 1 : 4));
        return true;
    }
    return false;
}

/* ---- The program ---- */

static bool run_frame(struct machine *m, int opcode)
{
    switch (opcode) {
    case 0x80: /* PROTO */
        if (machine_take_number(m, 1) > MAX_PROTOCOL)
            machine_stop(m, VALENCE_ERROR_UNSUPPORTED, "a protocol newer than 5");
        return true;
    case 0x95: /* FRAME: how much to read ahead */
        if (machine_take_number(m, 8) > m->size - m->at)
            machine_malformed(m, "a frame longer than the file (is it cut off?)");
        return true;
    case '.':
        m->pickle->root = machine_pop(m);
        m->stopped = true;
        return true;
    }
    return false;
}

static void run(struct machine *m)
{
    while (!m->status && !m->stopped) {
        m->opcode_at = m->at;
        const unsigned char *next = machine_take(m, 1);
        int opcode = next ? *next : -1;
        if (next && !machine_run_scalar(m, opcode) && !machine_run_text(m, opcode) &&
            !run_stack(m, opcode) && !run_container(m, opcode) && !machine_run_call(m, opcode) &&
            !run_frame(m, opcode))
            machine_stop(m, VALENCE_ERROR_UNSUPPORTED, "not an operation of a plain pickle");
    }
}

#define FIRST_BYTES 16

/* Old pickles are text, too, but they end with a period, the operation STOP. */
static bool is_other_text(const struct byte_source *source)
{
    char last;
    return byte_source_is_text(source) &&
           byte_source_read(source, source->size - 1, &last, 1, NULL) == VALENCE_OK && last != '.';
}

static size_t default_maximum(uint64_t size)
{
    uint64_t maximum = size > LARGEST_MAXIMUM / BYTES_PER_INPUT_BYTE ? LARGEST_MAXIMUM
                                                                     : size * BYTES_PER_INPUT_BYTE;
    return maximum < LEAST_MAXIMUM ? LEAST_MAXIMUM : (size_t)maximum;
}

/* Runs the machine; `pickle` is the graph, or NULL if there was no memory for it. */
static int read_graph(struct machine *m, struct pickle **pickle)
{
    if (!m->pickle)
        machine_out_of_room(m);
    else if (m->source->bytes) {
        m->window = m->source->bytes;
        m->window_size = m->source->size;
    }
    run(m);
    free(m->buffer);
    free(m->stack);
    free(m->marks);
    free(m->memo);
    if (m->status)
        pickle_free(m->pickle);
    else
        *pickle = m->pickle;
    return m->status;
}

int pickle_read_source(const struct byte_source *source, uint64_t start, uint64_t size,
                       const struct pickle_options *options, struct pickle **pickle, uint64_t *end,
                       struct valence_error *error)
{
    static const struct pickle_options defaults = {0};
    options = options ? options : &defaults;
    *pickle = NULL;
    if (start > source->size || size > source->size - start)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: a pickle beyond its end", source->name);
    const char *kind = start == 0 ? byte_source_kind(source) : NULL;
    if (kind && strcmp(kind, BYTE_SOURCE_PICKLE) != 0)
        return byte_source_refuse(source, "a pickle", error);
    struct machine m = {.source = source,
                        .at = start,
                        .size = start + size,
                        .name = source->name,
                        .keep_unknown = options->keep_unknown,
                        .error = error};
    m.pickle = pickle_graph_create(options->maximum_bytes ? options->maximum_bytes
                                                          : default_maximum(size));
    if (m.pickle)
        m.pickle->source = source;
    int status = read_graph(&m, pickle);
    if (!status && end)
        *end = m.at;
    bool is_wrong = status == VALENCE_ERROR_FORMAT || status == VALENCE_ERROR_UNSUPPORTED;
    return is_wrong && start == 0 && m.opcode_at < FIRST_BYTES && is_other_text(source)
               ? byte_source_refuse(source, "a pickle", error)
               : status;
}

int pickle_read(const void *input, size_t size, const struct pickle_options *options,
                const char *name, struct pickle **pickle, size_t *used, struct valence_error *error)
{
    struct byte_source source;
    uint64_t end = 0;
    *pickle = NULL;
    int status = byte_source_open_memory(input, size, name, &source, error);
    if (!status)
        status = pickle_read_source(&source, 0, size, options, pickle, &end, error);
    if (status) {
        byte_source_close(&source);
        return status;
    }
    (*pickle)->own = source;
    (*pickle)->source = &(*pickle)->own;
    if (used)
        *used = (size_t)end;
    return VALENCE_OK;
}
