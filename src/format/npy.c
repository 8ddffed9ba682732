#include "format/npy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define CHUNK_BYTES 65536

struct npy {
    char *name;
    struct npy_header header;
    int file;                   /* -1 where the bytes are in memory or an archive */
    struct file_map map;        /* of a file in Fortran order, whose elements are read one by one */
    const unsigned char *bytes; /* the whole array file; NULL where it is to be read */
    struct archive_member *member;
    uint64_t size; /* of the whole array file */
};

/* ---- Opening ---- */

/* The elements must fill the file exactly; the pickle of objects has any length. */
static int check_size(const struct npy *array, struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    uint64_t available = array->size - header->data_start;
    size_t needed;
    if (header->kind == NPY_OBJECTS)
        return VALENCE_OK;
    if (size_multiply(header->count, (int64_t)header->item_bytes, &needed) && needed == available)
        return VALENCE_OK;
    char shape[SHAPE_TEXT_BYTES];
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: an array of shape %s with elements of %zu bytes does not take the %llu bytes "
                "that follow the header (is the file cut off?)",
                array->name, shape_text(header->shape, header->n_dims, shape, sizeof shape),
                header->item_bytes, (unsigned long long)available);
}

/* Gives `array`, with its source and header set, a name, or closes it; also where reading the
 * header gave an error `status`. */
static int finish_open(struct npy *array, const char *name, int status, struct npy **opened,
                       struct valence_error *error)
{
    array->name = strdup(name);
    if (!status && !array->name)
        status = fail_memory(error, strlen(name), name);
    if (!status)
        status = check_size(array, error);
    if (status)
        npy_close(array);
    else
        *opened = array;
    return status;
}

/* The header from a file: its own length comes first. */
static int read_header(int file, size_t size, const char *path, struct npy_header *header,
                       struct valence_error *error)
{
    unsigned char first[12] = {0};
    size_t bytes = size < sizeof first ? size : sizeof first;
    int status = file_read_at(file, path, 0, first, bytes, error);
    if (status)
        return status;
    size_t length = first[8] | (size_t)first[9] << 8;
    if (first[6] > 1)
        length |= (size_t)first[10] << 16 | (size_t)first[11] << 24;
    if (length > NPY_MAX_HEADER_BYTES)
        length = NPY_MAX_HEADER_BYTES;
    bytes = size < sizeof first + length ? size : sizeof first + length;
    unsigned char *start = malloc(bytes + 1);
    if (!start)
        return fail_memory(error, bytes, path);
    status = file_read_at(file, path, 0, start, bytes, error);
    if (!status)
        status = npy_parse_header(start, bytes, path, header, error);
    free(start);
    return status;
}

int npy_open(const char *path, struct npy **array, struct valence_error *error)
{
    *array = NULL;
    int file;
    size_t size;
    int status = file_open(path, &file, &size, error);
    if (status)
        return status;
    struct npy *opened = calloc(1, sizeof *opened);
    if (!opened) {
        close(file);
        return fail_memory(error, sizeof *opened, path);
    }
    *opened = (struct npy){.file = file, .size = size};
    status = read_header(file, size, path, &opened->header, error);
    if (!status && opened->header.fortran_order && opened->header.n_dims > 1) {
        status = file_map_open(&opened->map, path, error);
        opened->bytes = opened->map.data;
        opened->size = opened->map.size;
    }
    return finish_open(opened, path, status, array, error);
}

int npy_open_memory(const void *data, size_t size, const char *name, struct npy **array,
                    struct valence_error *error)
{
    *array = NULL;
    struct npy *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, name);
    *opened = (struct npy){.file = -1, .bytes = data, .size = size};
    int status = npy_parse_header(data, size, name, &opened->header, error);
    return finish_open(opened, name, status, array, error);
}

int npy_open_elements(const struct npy_header *header, const void *data, size_t size,
                      const char *name, struct npy **array, struct valence_error *error)
{
    *array = NULL;
    struct npy *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, name);
    *opened = (struct npy){.file = -1, .header = *header, .bytes = data, .size = size};
    return finish_open(opened, name, VALENCE_OK, array, error);
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
    *opened = (struct npy){.file = -1, .member = member, .size = archive_member_size(member)};
    size_t start_bytes =
        opened->size < NPY_MAX_HEADER_BYTES ? (size_t)opened->size : NPY_MAX_HEADER_BYTES;
    status = archive_member_read(member, 0, start, start_bytes, error);
    if (!status)
        status = npy_parse_header(start, start_bytes, name, &opened->header, error);
    free(start);
    return finish_open(opened, name, status, array, error);
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
        status = fail(error, VALENCE_ERROR_ARGUMENT, "the name '%.40s...' is too long", member);
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
    file_map_close(&array->map);
    if (array->file >= 0)
        close(array->file);
    free(array->name);
    free(array);
}

const struct npy_header *npy_header(const struct npy *array)
{
    return &array->header;
}

/* ---- Reading ---- */

/* Bytes of the elements, from `position` behind the header. */
static int read_bytes(struct npy *array, uint64_t position, void *out, size_t bytes,
                      struct valence_error *error)
{
    position += array->header.data_start;
    if (array->member)
        return archive_member_read(array->member, position, out, bytes, error);
    if (!array->bytes)
        return file_read_at(array->file, array->name, position, out, bytes, error);
    if (bytes)
        memcpy(out, array->bytes + position, bytes);
    file_map_was_read(&array->map, bytes);
    return VALENCE_OK;
}

/* Elements first ... first+n-1 in C order of an array in Fortran order, one by one. */
static int gather_fortran(struct npy *array, int64_t first, int64_t n, unsigned char *out,
                          struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    int64_t index[ARRAY_MAX_DIMS], stride[ARRAY_MAX_DIMS];
    for (int d = header->n_dims - 1; d >= 0; d--) {
        index[d] = first % header->shape[d];
        first /= header->shape[d];
    }
    for (int d = 0; d < header->n_dims; d++)
        stride[d] = d ? stride[d - 1] * header->shape[d - 1] : 1;
    int status = VALENCE_OK;
    for (int64_t i = 0; i < n && !status; i++) {
        int64_t place = 0;
        for (int d = 0; d < header->n_dims; d++)
            place += index[d] * stride[d];
        status = read_bytes(array, (uint64_t)place * header->item_bytes,
                            out + (size_t)i * header->item_bytes, header->item_bytes, error);
        for (int d = header->n_dims - 1; d >= 0 && ++index[d] == header->shape[d]; d--)
            index[d] = 0;
    }
    return status;
}

static int read_elements(struct npy *array, int64_t first, int64_t n, unsigned char *out,
                         struct valence_error *error)
{
    const struct npy_header *header = &array->header;
    if (header->fortran_order && header->n_dims > 1)
        return gather_fortran(array, first, n, out, error);
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
    if (header->fortran_order && header->n_dims > 1 && array->member &&
        !archive_member_is_stored(array->member))
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: a compressed array in Fortran order cannot be read in parts (save it "
                    "after numpy.ascontiguousarray)",
                    array->name);
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
    for (int64_t done = 0; done < n;) {
        int64_t more = n - done < chunk_elements ? n - done : chunk_elements;
        status = read_elements(array, first + done, more, chunk, error);
        if (status)
            return status;
        if (floats)
            elements_to_float(header->type, header->swapped, chunk, more, floats + done);
        else if (!elements_to_int64(header->type, header->swapped, chunk, more, integers + done))
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: some of the elements %lld ... %lld are not whole numbers of 64 bits",
                        array->name, (long long)(first + done),
                        (long long)(first + done + more - 1));
        done += more;
    }
    return VALENCE_OK;
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

/* Code points to UTF-8; a code point that is none becomes bytes that is_utf8() refuses. */
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
            status = fail(error, VALENCE_ERROR_DATA, "%s: element %lld is no valid text",
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
