/* Operations that push numbers, texts and bytes. */
#include <string.h>

#include "base/text.h"
#include "format/pickle/pickle_machine.h"

static void push_int(struct machine *m, enum pickle_type type, int64_t integer)
{
    machine_push(m, pickle_new_int(m->pickle, type, integer));
}

static void push_float(struct machine *m, double number)
{
    struct pickle_value *value = pickle_new(m->pickle, PICKLE_FLOAT);
    if (value)
        value->as.number = number;
    machine_push(m, value);
}

/* LONG1, LONG4: two's complement of any length. */
static void push_long(struct machine *m, uint64_t size)
{
    const unsigned char *bytes = machine_take(m, size);
    if (!bytes)
        return;
    if (size > sizeof(int64_t)) {
        machine_push(m,
                     pickle_new_copy(m->pickle, PICKLE_BIG_INT, (const char *)bytes, (size_t)size));
        return;
    }
    int64_t integer = size && bytes[size - 1] & 0x80 ? -1 : 0;
    memcpy(&integer, bytes, (size_t)size);
    push_int(m, PICKLE_INT, integer);
}

/* INT, LONG: "01" and "00" are the bools of protocol 0; a long ends with L. */
static void push_decimal(struct machine *m, bool is_long)
{
    char text[MACHINE_MAX_DIGITS];
    long long integer;
    if (!machine_take_digits(m, text))
        return;
    size_t length = strlen(text);
    if (is_long && length && text[length - 1] == 'L')
        text[length - 1] = '\0';
    if (!is_long && length == 2 && text[0] == '0' && (text[1] == '0' || text[1] == '1'))
        push_int(m, PICKLE_BOOL, text[1] - '0');
    else if (parse_int64(text, &integer))
        push_int(m, PICKLE_INT, integer);
    else
        machine_malformed(m, "not an int of 64 bits");
}

static void push_decimal_float(struct machine *m)
{
    char text[MACHINE_MAX_DIGITS];
    double number;
    if (!machine_take_digits(m, text))
        return;
    if (parse_double(text, &number))
        push_float(m, number);
    else
        machine_malformed(m, "not a float");
}

static void push_binary_float(struct machine *m)
{
    uint64_t bits = __builtin_bswap64(machine_take_number(m, sizeof bits));
    double number;
    memcpy(&number, &bits, sizeof number);
    push_float(m, number);
}

static void push_text(struct machine *m, uint64_t size)
{
    const char *text = (const char *)machine_take(m, size);
    if (text && !is_utf8(text, (size_t)size))
        machine_malformed(m, "a text is not UTF-8");
    if (!m->status)
        machine_push(m, pickle_new_copy(m->pickle, PICKLE_TEXT, text, (size_t)size));
}

static void push_text_line(struct machine *m, bool is_quoted)
{
    size_t length;
    const char *line = machine_take_line(m, &length);
    bool is_malformed = false;
    struct pickle_value *value = !line ? NULL
                                 : is_quoted
                                     ? pickle_new_quoted(m->pickle, line, length, &is_malformed)
                                     : pickle_new_escaped(m->pickle, line, length, &is_malformed);
    if (is_malformed)
        machine_malformed(m, "a text with a wrong escape or quote");
    if (!m->status)
        machine_push(m, value);
}

bool machine_run_scalar(struct machine *m, int opcode)
{
    switch (opcode) {
    case 'N':
        machine_push(m, pickle_new_none(m->pickle));
        return true;
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        push_int(m, PICKLE_BOOL, opcode == 0x88);
        return true;
    case 'I':
    case 'L':
        push_decimal(m, opcode == 'L');
        return true;
    case 'J': /* BININT */
        push_int(m, PICKLE_INT, (int32_t)machine_take_number(m, 4));
        return true;
    case 'K': /* BININT1 */
        push_int(m, PICKLE_INT, (int64_t)machine_take_number(m, 1));
        return true;
    case 'M': /* BININT2 */
        push_int(m, PICKLE_INT, (int64_t)machine_take_number(m, 2));
        return true;
    case 0x8a: /* LONG1 */
        push_long(m, machine_take_number(m, 1));
        return true;
    case 0x8b: /* LONG4 */
        push_long(m, machine_take_number(m, 4));
        return true;
    case 'F':
        push_decimal_float(m);
        return true;
    case 'G': /* BINFLOAT */
        push_binary_float(m);
        return true;
    }
    return false;
}

bool machine_run_text(struct machine *m, int opcode)
{
    switch (opcode) {
    case 'S':
    case 'V':
        push_text_line(m, opcode == 'S');
        return true;
    case 'X': /* BINUNICODE */
        push_text(m, machine_take_number(m, 4));
        return true;
    case 0x8c: /* SHORT_BINUNICODE */
        push_text(m, machine_take_number(m, 1));
        return true;
    case 0x8d: /* BINUNICODE8 */
        push_text(m, machine_take_number(m, 8));
        return true;
    case 'T': /* BINSTRING */
    case 'B': /* BINBYTES */
        machine_push_bytes(m, machine_take_number(m, 4));
        return true;
    case 'U': /* SHORT_BINSTRING */
    case 'C': /* SHORT_BINBYTES */
        machine_push_bytes(m, machine_take_number(m, 1));
        return true;
    case 0x8e: /* BINBYTES8 */
    case 0x96: /* BYTEARRAY8 */
        machine_push_bytes(m, machine_take_number(m, 8));
        return true;
    }
    return false;
}
