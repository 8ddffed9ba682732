/* The header of .npy files, read and written. */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/npy.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* ---- Reading ---- */

/* A cursor over the Python literal; after an error `status` stays set and nothing more is read. */
struct literal {
    const char *at, *end;
    const char *name;
    int status;
    struct valence_error *error;
};

static void bad_literal(struct literal *literal, int status, const char *what)
{
    if (!literal->status)
        literal->status = fail(literal->error, status, "%s: header: %s", literal->name, what);
}

static void skip_blanks(struct literal *literal)
{
    while (literal->at < literal->end && strchr(" \t\n\r", *literal->at) && *literal->at)
        literal->at++;
}

/* Skips blanks, and `character` where it comes next. */
static bool take(struct literal *literal, char character)
{
    skip_blanks(literal);
    if (literal->status || literal->at == literal->end || *literal->at != character)
        return false;
    literal->at++;
    return true;
}

static bool take_word(struct literal *literal, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(literal);
    if ((size_t)(literal->end - literal->at) < length || memcmp(literal->at, word, length) != 0)
        return false;
    literal->at += length;
    return true;
}

/* A quoted text of at most size-1 plain characters. */
static void read_quoted(struct literal *literal, char *text, size_t size)
{
    char quote = '\'';
    size_t length = 0;
    if (!take(literal, quote) && !take(literal, quote = '"')) {
        bad_literal(literal, VALENCE_ERROR_FORMAT, "a quoted text is missing");
        return;
    }
    while (literal->at < literal->end && *literal->at != quote && length + 1 < size)
        text[length++] = *literal->at++;
    text[length] = '\0';
    if (!take(literal, quote))
        bad_literal(literal, VALENCE_ERROR_FORMAT, "a text is not closed, or too long");
}

static int64_t read_size(struct literal *literal)
{
    int64_t value = 0;
    skip_blanks(literal);
    const char *start = literal->at;
    for (; literal->at < literal->end && *literal->at >= '0' && *literal->at <= '9'; literal->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *literal->at - '0', &value))
            bad_literal(literal, VALENCE_ERROR_FORMAT, "a size overflows");
    if (literal->at == start)
        bad_literal(literal, VALENCE_ERROR_FORMAT, "a size is not a whole number >= 0");
    take(literal, 'L'); /* Python 2 wrote some sizes as 3L */
    return value;
}

static void read_shape(struct literal *literal, struct npy_header *header)
{
    if (!take(literal, '('))
        bad_literal(literal, VALENCE_ERROR_FORMAT, "'shape' is not a tuple");
    bool separated = true;
    while (!literal->status && !take(literal, ')')) {
        if (!separated)
            bad_literal(literal, VALENCE_ERROR_FORMAT, "'shape' is not a tuple");
        else if (header->n_dims == ARRAY_MAX_DIMS)
            bad_literal(literal, VALENCE_ERROR_UNSUPPORTED, "more than 8 dimensions");
        else
            header->shape[header->n_dims++] = read_size(literal);
        separated = take(literal, ',');
    }
    if (!shape_count(header->shape, header->n_dims, &header->count))
        bad_literal(literal, VALENCE_ERROR_FORMAT, "the product of 'shape' overflows");
}

/* '<f4': byte order, kind, bytes (of 'U': code points). */
static void read_type(struct literal *literal, struct npy_header *header)
{
    skip_blanks(literal);
    if (literal->at < literal->end && *literal->at == '[') {
        bad_literal(literal, VALENCE_ERROR_UNSUPPORTED, "structured arrays are not supported");
        return;
    }
    char text[32] = "", order, kind;
    read_quoted(literal, text, sizeof text);
    if (literal->status)
        return;
    order = text[0];
    kind = order ? text[1] : '\0';
    if (!strchr("<>=|", order) || !kind) {
        bad_literal(literal, VALENCE_ERROR_FORMAT, "'descr' is not an element type");
        return;
    }
    header->swapped = order == '>';
    if (kind == 'O') {
        header->kind = NPY_OBJECTS;
        return;
    }
    long long size;
    if (!parse_int64(text + 2, &size) || size <= 0 || size > 1 << 30) {
        bad_literal(literal, VALENCE_ERROR_UNSUPPORTED, "the element type has no size");
        return;
    }
    header->is_unicode = kind == 'U';
    header->item_bytes = (size_t)size * (kind == 'U' ? 4 : 1);
    int type = element_type_from_numpy(kind, size);
    if (kind == 'U' || kind == 'S')
        header->kind = NPY_TEXTS;
    else if (type >= 0)
        header->type = (enum element_type)type;
    else if (!literal->status)
        literal->status = fail(literal->error, VALENCE_ERROR_UNSUPPORTED,
                               "%s: elements of type '%s' are not supported (convert them to "
                               "float32)",
                               literal->name, text);
}

static void read_entries(struct literal *literal, struct npy_header *header)
{
    enum { TYPE = 1, ORDER = 2, SHAPE = 4 };
    unsigned seen = 0;
    bool separated = true;
    if (!take(literal, '{'))
        bad_literal(literal, VALENCE_ERROR_FORMAT, "it is not a dict");
    while (!literal->status && !take(literal, '}')) {
        char key[32] = "";
        if (separated)
            read_quoted(literal, key, sizeof key);
        if (!separated || !take(literal, ':')) {
            bad_literal(literal, VALENCE_ERROR_FORMAT, "it is not a dict");
            return;
        }
        unsigned entry = strcmp(key, "descr") == 0           ? TYPE
                         : strcmp(key, "fortran_order") == 0 ? ORDER
                         : strcmp(key, "shape") == 0         ? SHAPE
                                                             : 0;
        if (!entry || seen & entry)
            bad_literal(literal, VALENCE_ERROR_FORMAT, "an unknown or repeated key");
        else if (entry == TYPE)
            read_type(literal, header);
        else if (entry == SHAPE)
            read_shape(literal, header);
        else if (take_word(literal, "True"))
            header->fortran_order = true;
        else if (!take_word(literal, "False"))
            bad_literal(literal, VALENCE_ERROR_FORMAT, "'fortran_order' is not True or False");
        seen |= entry;
        separated = take(literal, ',');
    }
    if (seen != (TYPE | ORDER | SHAPE))
        bad_literal(literal, VALENCE_ERROR_FORMAT,
                    "'descr', 'fortran_order' or 'shape' is missing");
    skip_blanks(literal);
    if (literal->at != literal->end)
        bad_literal(literal, VALENCE_ERROR_FORMAT, "something follows the dict");
}

int npy_parse_header(const void *data, size_t size, const char *name, struct npy_header *header,
                     struct valence_error *error)
{
    const unsigned char *bytes = data;
    *header = (struct npy_header){0};
    size_t prefix = sizeof magic + 2;
    if (size < prefix || memcmp(bytes, magic, sizeof magic) != 0)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: not a NumPy array (.npy)", name);
    unsigned version = bytes[6];
    if (version < 1 || version > 3)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: version %u of the .npy format", name,
                    version);
    size_t length_bytes = version == 1 ? 2 : 4;
    uint32_t length = 0;
    if (size < prefix + length_bytes)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the header is cut off", name);
    memcpy(&length, bytes + prefix, length_bytes);
    prefix += length_bytes;
    if (length > NPY_MAX_HEADER_BYTES - prefix)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: a header of %u bytes", name, length);
    if (length > size - prefix)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: the header is cut off", name);
    const char *start = (const char *)bytes + prefix;
    struct literal literal = {.at = start, .end = start + length, .name = name, .error = error};
    read_entries(&literal, header);
    header->data_start = prefix + length;
    return literal.status;
}

/* ---- Writing ---- */

/* Padded so that the elements start at a multiple of 64 bytes and the header ends with a line end,
 * as NumPy does. */
static void make_header(const char *descr, int n_dims, const int64_t *shape, struct text *header)
{
    char sizes[SHAPE_TEXT_BYTES];
    text_append(header, (const char *)magic, sizeof magic);
    text_append(header, "\x01\x00??", 4);
    text_format(header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
                shape_text(shape, n_dims, sizes, sizeof sizes));
    while (header->length % 64 != 63 && !header->failed)
        text_append(header, " ", 1);
    text_append(header, "\n", 1);
    uint16_t length = (uint16_t)(header->length - 10);
    if (!header->failed)
        memcpy(header->data + 8, &length, sizeof length);
}

static int write_header(FILE *stream, const char *descr, int n_dims, const int64_t *shape,
                        const char *name, struct valence_error *error)
{
    struct text header = {.maximum = 1024};
    make_header(descr, n_dims, shape, &header);
    if (header.failed)
        return fail_memory(error, header.maximum, name);
    fwrite(header.data, 1, header.length, stream);
    text_free(&header);
    return VALENCE_OK;
}

int npy_write_header(FILE *stream, enum element_type type, int n_dims, const int64_t *shape,
                     const char *name, struct valence_error *error)
{
    if (element_type_numpy_kind(type) == '?')
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: NumPy has no type %s", name,
                    element_type_name(type));
    char descr[16];
    snprintf(descr, sizeof descr, "%c%c%zu", element_type_size(type) == 1 ? '|' : '<',
             element_type_numpy_kind(type), element_type_size(type));
    return write_header(stream, descr, n_dims, shape, name, error);
}

int npy_write_text_header(FILE *stream, int64_t width, int64_t n, const char *name,
                          struct valence_error *error)
{
    char descr[32];
    snprintf(descr, sizeof descr, "<U%lld", (long long)width);
    return write_header(stream, descr, 1, &n, name, error);
}

int npy_write(const char *path, unsigned flags, enum element_type type, int n_dims,
              const int64_t *shape, const void *data, struct valence_error *error)
{
    int64_t count;
    size_t bytes;
    if (n_dims > ARRAY_MAX_DIMS || !shape_count(shape, n_dims, &count) ||
        !size_multiply(count, (int64_t)element_type_size(type), &bytes))
        return fail(error, VALENCE_ERROR_SHAPE, "%s: an array of this shape is too large", path);
    struct file_writer writer;
    int status = file_write_begin(&writer, path, flags, error);
    if (status)
        return status;
    status = npy_write_header(writer.stream, type, n_dims, shape, path, error);
    if (status) {
        file_write_abort(&writer);
        return status;
    }
    if (bytes)
        fwrite(data, 1, bytes, writer.stream);
    return file_write_commit(&writer, error); /* tells where a write failed */
}
