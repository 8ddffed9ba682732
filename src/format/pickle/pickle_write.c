#include "format/pickle/pickle_write.h"

#include <assert.h>
#include <string.h>

/* The opcodes are those of CPython's Lib/pickletools.py. */

static void write_little_endian(FILE *stream, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        fputc((int)(value >> 8 * i & 255), stream);
}

void pickle_write_begin(FILE *stream)
{
    fputs("\x80\x04", stream); /* PROTO 4 */
}

void pickle_write_end(FILE *stream)
{
    fputc('.', stream); /* STOP */
}

void pickle_write_dict_begin(FILE *stream)
{
    fputs("}(", stream); /* EMPTY_DICT MARK */
}

void pickle_write_dict_end(FILE *stream)
{
    fputc('u', stream); /* SETITEMS */
}

void pickle_write_list_begin(FILE *stream)
{
    fputs("](", stream); /* EMPTY_LIST MARK */
}

void pickle_write_list_end(FILE *stream)
{
    fputc('e', stream); /* APPENDS */
}

void pickle_write_text(FILE *stream, const char *text)
{
    size_t length = strlen(text);
    fputc('X', stream); /* BINUNICODE */
    write_little_endian(stream, length, 4);
    fwrite(text, 1, length, stream);
}

void pickle_write_int(FILE *stream, int64_t value)
{
    if (value >= INT32_MIN && value <= INT32_MAX) {
        fputc('J', stream); /* BININT */
        write_little_endian(stream, (uint64_t)value, 4);
    } else {
        fputs("\x8a\x08", stream); /* LONG1 of 8 bytes */
        write_little_endian(stream, (uint64_t)value, 8);
    }
}

/* numpy.dtype('f4', False, True) with the state (3, '<', None, None, None, -1, -1, 0) */
static void write_dtype(FILE *stream, enum element_type type)
{
    char name[8];
    snprintf(name, sizeof name, "%c%zu", element_type_numpy_kind(type), element_type_size(type));
    fputs("cnumpy\ndtype\n", stream); /* GLOBAL */
    pickle_write_text(stream, name);
    fputs("\x89\x88\x87R(K\x03", stream); /* NEWFALSE NEWTRUE TUPLE3 REDUCE MARK BININT1 3 */
    pickle_write_text(stream, element_type_size(type) == 1 ? "|" : "<");
    fputs("NNN", stream);
    pickle_write_int(stream, -1);
    pickle_write_int(stream, -1);
    pickle_write_int(stream, 0);
    fputs("tb", stream); /* TUPLE BUILD */
}

/* numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b'b') with the state (1, shape, dtype,
 * False, elements) */
void pickle_write_array_begin(FILE *stream, enum element_type type, int n_dims,
                              const int64_t *shape)
{
    int64_t count = 0;
    assert(element_type_numpy_kind(type) != '?' && shape_count(shape, n_dims, &count));
    fputs("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n", stream);
    pickle_write_int(stream, 0);
    fputs("\x85"
          "C\x01"
          "b\x87R(K\x01(",
          stream); /* TUPLE1 SHORT_BINBYTES 'b' TUPLE3 REDUCE MARK BININT1 1 MARK */
    for (int i = 0; i < n_dims; i++)
        pickle_write_int(stream, shape[i]);
    fputc('t', stream);
    write_dtype(stream, type);
    fputs("\x89\x8e", stream); /* NEWFALSE BINBYTES8 */
    write_little_endian(stream, (uint64_t)count * element_type_size(type), 8);
}

void pickle_write_array_end(FILE *stream)
{
    fputs("tb", stream); /* TUPLE BUILD */
}
