#include "format/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/npy_order.h"

#define CHUNK_BYTES 65536

struct npy {
    char *name;
    struct npy_header header;
    struct byte_source own;           /* closed with the array */
    const struct byte_source *source; /* NULL: in the member */
    uint64_t position;                /* where the array begins in the source */
    struct archive_member *member;
    uint64_t size;          /* of the array, header and all */
    bool is_ordered;        /* elements lie in C order */
    struct npy_order order; /* where they do not */
};

/* ---- Opening ---- */

/* The elements must fill the file exactly; the pickle of objects has any length, and elements with
 * strides may leave some of their storage out. */
static int check_size(const struct npy *array, const int64_t *strides, struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    char shape[SHAPE_TEXT_BYTES];
    size_t needed;
    if (header->kind == NPY_OBJECTS)
        return VALENCE_OK;
    if (header->data_start > array->size)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: it begins beyond the end of its storage",
                    array->name);
    uint64_t available = array->size - header->data_start;
    if (strides ? npy_strides_fit(header, strides, (int64_t)(available / header->item_bytes))
                : size_multiply(header->count, (int64_t)header->item_bytes, &needed) &&
                      needed == available)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: an array of shape %s with elements of %zu bytes does not take the %llu bytes "
                "that %s (is the file cut off?)",
                array->name, shape_text(header->shape, header->n_dims, shape, sizeof shape),
                header->item_bytes, (unsigned long long)available,
                strides ? "its storage has" : "follow the header");
}

static void set_order(struct npy *array, const int64_t *strides)
{
    const struct npy_header *header = &array->header;
    bool is_fortran = header->fortran_order && header->n_dims > 1 && header->kind != NPY_OBJECTS;
    if (strides)
        memcpy(array->order.strides, strides, sizeof array->order.strides);
    else if (is_fortran)
        npy_fortran_strides(header, array->order.strides);
    array->is_ordered = (!strides && !is_fortran) || header->count == 0 ||
                        npy_strides_are_plain(header, array->order.strides);
}

/* Gives `array`, with its source and header set, a name, or closes it; also where reading the
 * header gave an error `status`. */
static int finish_open(struct npy *array, const int64_t *strides, const char *name, int status,
                       struct npy **opened, struct valence_error *error)
{
    array->name = strdup(name);
    if (!status && !array->name)
        status = fail_memory(error, strlen(name), name);
    if (!status)
        status = check_size(array, strides, error);
    if (status) {
        npy_close(array);
        return status;
    }
    set_order(array, strides);
    *opened = array;
    return VALENCE_OK;
}

/* The header from a source: its own length comes first. */
static int read_header(const struct byte_source *source, struct npy_header *header,
                       struct valence_error *error)
{
    unsigned char first[12] = {0};
    size_t bytes = source->size < sizeof first ? (size_t)source->size : sizeof first;
    int status = byte_source_read(source, 0, first, bytes, error);
    if (status)
        return status;
    if (memcmp(first, "\x93NUMPY", 6) != 0)
        return byte_source_refuse(source, "a NumPy array (.npy)", error);
    size_t length = first[8] | (size_t)first[9] << 8;
    if (first[6] > 1)
        length |= (size_t)first[10] << 16 | (size_t)first[11] << 24;
    if (length > NPY_MAX_HEADER_BYTES)
        length = NPY_MAX_HEADER_BYTES;
    length += sizeof first;
    bytes = source->size < length ? (size_t)source->size : length;
    unsigned char *start = malloc(bytes + 1);
    if (!start)
        return fail_memory(error, bytes, source->name);
    status = byte_source_read(source, 0, start, bytes, error);
    if (!status)
        status = npy_parse_header(start, bytes, source->name, header, error);
    free(start);
    return status;
}

/* Takes over `source`, which opening gave with `status`. */
static int open_source(struct byte_source *source, int status, const char *name, struct npy **array,
                       struct valence_error *error)
{
    struct npy *opened = status ? NULL : calloc(1, sizeof *opened);
    if (!status && !opened)
        status = fail_memory(error, sizeof *opened, name);
    if (status) {
        byte_source_close(source);
        return status;
    }
    *opened = (struct npy){.own = *source, .size = source->size};
    opened->source = &opened->own;
    status = read_header(opened->source, &opened->header, error);
    return finish_open(opened, NULL, name, status, array, error);
}

int npy_open(const char *path, struct npy **array, struct valence_error *error)
{
    struct byte_source source;
    *array = NULL;
    int status = byte_source_open(path, &source, error);
    return open_source(&source, status, path, array, error);
}

int npy_open_memory(const void *data, size_t size, const char *name, struct npy **array,
                    struct valence_error *error)
{
    struct byte_source source;
    *array = NULL;
    int status = byte_source_open_memory(data, size, name, &source, error);
    return open_source(&source, status, name, array, error);
}

int npy_open_part(const struct npy_header *header, const int64_t *strides,
                  const struct byte_source *source, uint64_t position, uint64_t size,
                  const char *name, struct npy **array, struct valence_error *error)
{
    *array = NULL;
    struct npy *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, name);
    *opened = (struct npy){.header = *header, .source = source, .position = position, .size = size};
    return finish_open(opened, strides, name, VALENCE_OK, array, error);
}

int npy_open_member_part(const struct npy_header *header, const int64_t *strides,
                         struct archive *archive, int64_t index, const char *name,
                         struct npy **array, struct valence_error *error)
{
    *array = NULL;
    struct archive_member *member;
    int status = archive_member_open(archive, index, &member, error);
    if (status)
        return status;
    struct npy *opened = calloc(1, sizeof *opened);
    if (!opened) {
        archive_member_close(member);
        return fail_memory(error, sizeof *opened, name);
    }
    *opened =
        (struct npy){.header = *header, .member = member, .size = archive_member_size(member)};
    return finish_open(opened, strides, name, VALENCE_OK, array, error);
}

int npy_open_elements(const struct npy_header *header, const void *data, size_t size,
                      const char *name, struct npy **array, struct valence_error *error)
{
    *array = NULL;
    struct byte_source source;
    int status = byte_source_open_memory(data, size, name, &source, error);
    if (!status)
        status = npy_open_part(header, NULL, &source, 0, size, name, array, error);
    if (status)
        byte_source_close(&source);
    else
        npy_take_source(*array, &source);
    return status;
}

void npy_take_source(struct npy *array, struct byte_source *source)
{
    array->own = *source;
    array->source = &array->own;
    *source = (struct byte_source){.file = -1};
}

static int open_found_member(struct archive *archive, int64_t index, const char *name,
                             struct npy **array, struct valence_error *error)
{
    struct archive_member *member;
    int status = archive_member_open(archive, index, &member, error);
    if (status)
        return status;
    struct npy *opened = calloc(1, sizeof *opened);
    unsigned char *start = malloc(NPY_MAX_HEADER_BYTES);
    if (!opened || !start) {
        archive_member_close(member);
        free(opened);
        free(start);
        return fail_memory(error, NPY_MAX_HEADER_BYTES, name);
    }
    *opened = (struct npy){.member = member, .size = archive_member_size(member)};
    size_t start_bytes =
        opened->size < NPY_MAX_HEADER_BYTES ? (size_t)opened->size : NPY_MAX_HEADER_BYTES;
    status = archive_member_read(member, 0, start, start_bytes, error);
    if (!status)
        status = npy_parse_header(start, start_bytes, name, &opened->header, error);
    free(start);
    return finish_open(opened, NULL, name, status, array, error);
}

int npy_open_member(struct archive *archive, const char *member, struct npy **array,
                    struct valence_error *error)
{
    *array = NULL;
    struct text file_name = {.maximum = 4096}, full_name = {.maximum = 8192};
    text_format(&file_name, "%s.npy", member);
    text_format(&full_name, "%s:%s", archive_file_name(archive), member);
    int status;
    if (file_name.failed || full_name.failed)
        status = fail_text(file_name.failed ? &file_name : &full_name, error,
                           VALENCE_ERROR_ARGUMENT, "the name '%.40s...' is too long", member);
    else {
        int64_t index = archive_find(archive, file_name.data);
        if (index < 0)
            index = archive_find(archive, member);
        status = index < 0 ? fail(error, VALENCE_ERROR_NOT_FOUND, "%s: it holds no array '%.200s'",
                                  archive_file_name(archive), member)
                           : open_found_member(archive, index, full_name.data, array, error);
    }
    text_free(&file_name);
    text_free(&full_name);
    return status;
}

void npy_close(struct npy *array)
{
    if (!array)
        return;
    archive_member_close(array->member);
    byte_source_close(&array->own);
    npy_order_free(&array->order);
    free(array->name);
    free(array);
}

const struct npy_header *npy_header(const struct npy *array)
{
    return &array->header;
}

/* ---- Reading ---- */

/* Bytes of the elements, from `position` behind the header. */
static int read_bytes(void *user, uint64_t position, void *out, size_t bytes,
                      struct valence_error *error)
{
    struct npy *array = user;
    position += array->header.data_start;
    if (array->source)
        return byte_source_read(array->source, array->position + position, out, bytes, error);
    int status = archive_member_verify(array->member, error);
    return status ? status : archive_member_read(array->member, position, out, bytes, error);
}

static int read_elements(struct npy *array, int64_t first, int64_t n, unsigned char *out,
                         struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    if (!array->is_ordered)
        return npy_order_read(&array->order, header, first, n, out, read_bytes, array, error);
    return read_bytes(array, (uint64_t)first * header->item_bytes, out,
                      (size_t)n * header->item_bytes, error);
}

static int check_request(const struct npy *array, int64_t first, int64_t n,
                         struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    if (header->kind == NPY_OBJECTS)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: an array of pickled objects, not of numbers or texts (save it with a "
                    "plain dtype)",
                    array->name);
    if (first < 0 || n < 0 || first > header->count || n > header->count - first)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: elements %lld + %lld of %lld", array->name,
                    (long long)first, (long long)n, (long long)header->count);
    if (!array->is_ordered && array->member && !archive_member_is_stored(array->member))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a compressed array in Fortran order cannot be read in parts (save it "
                    "after numpy.ascontiguousarray)",
                    array->name);
    return VALENCE_OK;
}

/* A 64-bit number that is beyond a float became infinite: that is not what the file has. */
static int check_converted(const struct npy *array, int64_t first, int64_t n, const void *elements,
                           const float *floats, struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    for (int64_t i = 0; i < n && header->type == ELEMENT_F64; i++) {
        double value;
        if (!isinf(floats[i]))
            continue;
        elements_to_double(header->type, header->swapped,
                           (const unsigned char *)elements + (size_t)i * sizeof value, 1, &value);
        if (!isinf(value))
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: element %lld is %g, which is beyond 32-bit floats (largest: 3.4e38)",
                        array->name, (long long)(first + i), value);
    }
    return VALENCE_OK;
}

/* Elements pass through a small buffer on their way to `floats` or `integers`, whichever is not
 * NULL. */
static int read_numbers(struct npy *array, int64_t first, int64_t n, float *floats,
                        int64_t *integers, struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    int status = check_request(array, first, n, error);
    if (status)
        return status;
    if (header->kind != NPY_NUMBERS)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: an array of texts, not of numbers",
                    array->name);
    if (floats && header->type == ELEMENT_F32 && !header->swapped)
        return read_elements(array, first, n, (unsigned char *)floats, error);
    unsigned char chunk[CHUNK_BYTES];
    int64_t chunk_elements = (int64_t)(sizeof chunk / header->item_bytes);
    for (int64_t done = 0; done < n && !status;) {
        int64_t more = n - done < chunk_elements ? n - done : chunk_elements;
        status = read_elements(array, first + done, more, chunk, error);
        if (status)
            return status;
        if (floats) {
            elements_to_float(header->type, header->swapped, chunk, more, floats + done);
            status = check_converted(array, first + done, more, chunk, floats + done, error);
        } else if (!elements_to_int64(header->type, header->swapped, chunk, more, integers + done))
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: some of the elements %lld ... %lld are not whole numbers of 64 bits",
                        array->name, (long long)(first + done),
                        (long long)(first + done + more - 1));
        done += more;
    }
    return status;
}

int npy_read_float(struct npy *array, int64_t first, int64_t n, float *out,
                   struct valence_error *error)
{
    return read_numbers(array, first, n, out, NULL, error);
}

int npy_read_int64(struct npy *array, int64_t first, int64_t n, int64_t *out,
                   struct valence_error *error)
{
    return read_numbers(array, first, n, NULL, out, error);
}

/* Code points to UTF-8; an invalid code point becomes bytes that is_utf8() refuses. */
static void append_code_points(struct text *text, const unsigned char *item, size_t n, bool swapped)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t point;
        memcpy(&point, item + 4 * i, sizeof point);
        text_append_code_point(text, swapped ? __builtin_bswap32(point) : point);
    }
}

int npy_read_text(struct npy *array, int64_t index, char **text, struct valence_error *error)
{
    *text = NULL;
    const struct npy_header *header = &array->header;
    int status = check_request(array, index, 1, error);
    if (status)
        return status;
    if (header->kind != NPY_TEXTS)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: an array of numbers, not of texts",
                    array->name);
    unsigned char *item = malloc(header->item_bytes);
    if (!item)
        return fail_memory(error, header->item_bytes, array->name);
    status = read_elements(array, index, 1, item, error);
    struct text utf8 = {.maximum = header->item_bytes};
    text_append(&utf8, "", 0);
    if (!status) { /* NULs pad the item */
        size_t length = header->item_bytes;
        while (length && item[length - 1] == 0)
            length--;
        if (header->is_unicode)
            append_code_points(&utf8, item, (length + 3) / 4, header->swapped);
        else
            text_append(&utf8, (const char *)item, length);
        if (utf8.failed)
            status = fail_memory(error, header->item_bytes, array->name);
        else if (!is_utf8(utf8.data, utf8.length) || strlen(utf8.data) != utf8.length)
            status = fail(error, VALENCE_ERROR_DATA, "%s: element %lld is not a valid text",
                          array->name, (long long)index);
    }
    free(item);
    if (status)
        text_free(&utf8);
    else
        *text = utf8.data;
    return status;
}

int npy_read_bytes(struct npy *array, size_t maximum, void **data, size_t *size,
                   struct valence_error *error)
{
    *data = NULL;
    uint64_t bytes = array->size - array->header.data_start;
    if (bytes > maximum)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: %llu bytes, more than the %zu allowed",
                    array->name, (unsigned long long)bytes, maximum);
    void *copy = malloc(bytes ? (size_t)bytes : 1);
    if (!copy)
        return fail_memory(error, (size_t)bytes, array->name);
    int status = read_bytes(array, 0, copy, (size_t)bytes, error);
    if (status)
        free(copy);
    else {
        *data = copy;
        *size = (size_t)bytes;
    }
    return status;
}
