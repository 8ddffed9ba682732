/* Datasets: a shape, a type, and elements in one piece or in chunks that filters were applied
 * to. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/hdf5_object.h"

#define MAX_FILTERS       8
#define FILTER_DEFLATE    1
#define FILTER_SHUFFLE    2
#define FILTER_CHECKSUM   3    /* Fletcher's, 4 bytes at the end */
#define LARGEST_RATIO     1032 /* that deflate reaches */
#define LAYOUT_COMPACT    0
#define LAYOUT_CONTIGUOUS 1
#define LAYOUT_CHUNKED    2
#define SINGLE_CHUNK      1 /* an index of layout version 4 */

struct chunk_place {
    uint64_t address, size;
    unsigned skipped; /* filters, as a mask */
};

struct reading {
    const struct hdf5 *file;
    uint64_t address;
    struct hdf5_dataset *dataset;
    bool has_shape, has_type;
    int layout; /* -1: not met yet */
    const unsigned char *compact;
    uint64_t data_address, data_size;
    int64_t chunk[ARRAY_MAX_DIMS]; /* rows, columns, ... of a chunk */
    int n_chunk_dims;
    bool has_single_chunk; /* at `single`; else a B-tree at data_address */
    struct chunk_place single;
    int filters[MAX_FILTERS];
    int n_filters;
    /* While chunks are read. */
    size_t chunk_bytes;
    unsigned char *buffers[2]; /* of chunk_bytes + 4 */
    unsigned char *is_read;    /* of each chunk */
    int64_t n_chunks, n_read;
    size_t n_nodes;
};

static int malformed(const struct reading *reading, const char *what, struct valence_error *error)
{
    return hdf5_malformed(reading->file, reading->address, what, error);
}

static int unsupported(const struct reading *reading, const char *what, struct valence_error *error)
{
    return hdf5_unsupported(reading->file, reading->address, what, error);
}

/* ---- Messages ---- */

static int read_shape(struct reading *reading, struct hdf5_bytes *body, struct valence_error *error)
{
    struct hdf5_dataset *dataset = reading->dataset;
    uint64_t version = hdf5_take(body, 1), rank = hdf5_take(body, 1);
    hdf5_skip(body, 1);
    uint64_t kind = hdf5_take(body, 1);
    hdf5_skip(body, version == 1 ? 4 : 0);
    if (version < 1 || version > 2 || (version == 2 && kind > 1))
        return unsupported(reading, "a dataspace that is no array", error);
    if (rank > ARRAY_MAX_DIMS)
        return unsupported(reading, "an array of more than 8 dimensions", error);
    dataset->n_dims = (int)rank;
    for (int i = 0; i < dataset->n_dims; i++)
        dataset->shape[i] = (int64_t)hdf5_take(body, 8);
    if (body->cut || !shape_count(dataset->shape, dataset->n_dims, &dataset->count))
        return malformed(reading, "an impossible shape", error);
    reading->has_shape = true;
    return VALENCE_OK;
}

/* Whole numbers that fill their bytes, and the three IEEE floats. */
static int read_type(struct reading *reading, struct hdf5_bytes *body, struct valence_error *error)
{
    static const unsigned char half[] = {0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0},
                               single[] = {0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0},
                               wide[] = {0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 3, 0, 0};
    unsigned class = (unsigned)hdf5_take(body, 1) & 0x0F;
    unsigned bits = (unsigned)hdf5_take(body, 3);
    uint64_t size = hdf5_take(body, 4);
    int type = -1;
    if (class == 0 && size <= 8) {
        uint64_t offset = hdf5_take(body, 2), precision = hdf5_take(body, 2);
        if (offset == 0 && precision == 8 * size)
            type = element_type_from_numpy(bits & 0x08 ? 'i' : 'u', (int64_t)size);
    } else if (class == 1 && (size == 2 || size == 4 || size == 8)) {
        const unsigned char *format = hdf5_skip(body, sizeof half);
        const unsigned char *usual = size == 2 ? half : size == 4 ? single : wide;
        if (format && memcmp(format, usual, sizeof half) == 0 && !(bits & 0x40))
            type = element_type_from_numpy('f', (int64_t)size);
    }
    if (body->cut)
        return malformed(reading, "a type is cut off", error);
    if (type < 0)
        return unsupported(reading, "elements that are no usual numbers", error);
    reading->dataset->type = (enum element_type)type;
    reading->dataset->swapped = (bits & 1) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    reading->has_type = true;
    return VALENCE_OK;
}

/* The last dimension of a chunk is the size of an element. */
static int read_chunk_shape(struct reading *reading, struct hdf5_bytes *body, int n_dims,
                            size_t number_bytes, struct valence_error *error)
{
    if (n_dims < 1 || n_dims > ARRAY_MAX_DIMS || number_bytes < 1 || number_bytes > 8)
        return malformed(reading, "an impossible shape of chunks", error);
    reading->n_chunk_dims = n_dims;
    for (int i = 0; i < n_dims; i++) {
        reading->chunk[i] = (int64_t)hdf5_take(body, number_bytes);
        if (reading->chunk[i] < 1)
            return malformed(reading, "an impossible shape of chunks", error);
    }
    hdf5_take(body, number_bytes);
    return VALENCE_OK;
}

static int read_chunked(struct reading *reading, uint64_t version, struct hdf5_bytes *body,
                        struct valence_error *error)
{
    uint64_t flags = version == 4 ? hdf5_take(body, 1) : 0;
    int n_dims = (int)hdf5_take(body, 1) - 1;
    if (version == 3)
        reading->data_address = hdf5_take(body, 8);
    size_t number_bytes = version == 4 ? (size_t)hdf5_take(body, 1) : 4;
    int status = read_chunk_shape(reading, body, n_dims, number_bytes, error);
    if (status || version == 3)
        return status;
    if (hdf5_take(body, 1) != SINGLE_CHUNK)
        return unsupported(
            reading, "an index of chunks of libver='latest' (write the file without it)", error);
    reading->has_single_chunk = true;
    if (flags & 2) {
        reading->single.size = hdf5_take(body, 8);
        reading->single.skipped = (unsigned)hdf5_take(body, 4);
    }
    reading->single.address = hdf5_take(body, 8);
    return VALENCE_OK;
}

static int read_layout(struct reading *reading, struct hdf5_bytes *body,
                       struct valence_error *error)
{
    uint64_t version = hdf5_take(body, 1), class = hdf5_take(body, 1);
    int status = VALENCE_OK;
    if (version < 3 || version > 4)
        return unsupported(
            reading,
            "a layout of another version than 3 or 4 (write the file without libver='latest')",
            error);
    reading->layout = (int)class;
    switch (class) {
    case LAYOUT_COMPACT:
        reading->data_size = hdf5_take(body, 2);
        reading->compact = hdf5_skip(body, reading->data_size);
        break;
    case LAYOUT_CONTIGUOUS:
        reading->data_address = hdf5_take(body, 8);
        reading->data_size = hdf5_take(body, 8);
        break;
    case LAYOUT_CHUNKED:
        status = read_chunked(reading, version, body, error);
        break;
    default:
        return unsupported(reading, "virtual data, kept in other files", error);
    }
    return status || !body->cut ? status : malformed(reading, "a layout is cut off", error);
}

static int read_filters(struct reading *reading, struct hdf5_bytes *body,
                        struct valence_error *error)
{
    uint64_t version = hdf5_take(body, 1), n = hdf5_take(body, 1);
    hdf5_skip(body, version == 1 ? 6 : 0);
    if (version < 1 || version > 2 || n > MAX_FILTERS)
        return unsupported(reading, "more filters than 8, or of a newer version", error);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t filter = hdf5_take(body, 2);
        uint64_t name_bytes = version == 1 || filter >= 256 ? hdf5_take(body, 2) : 0;
        hdf5_skip(body, 2);
        uint64_t n_values = hdf5_take(body, 2);
        uint64_t padded = version == 1 ? (name_bytes + 7) / 8 * 8 : name_bytes;
        hdf5_skip(body, padded + 4 * n_values + (version == 1 && n_values % 2 ? 4 : 0));
        if (body->cut)
            return malformed(reading, "its filters are cut off", error);
        if (filter != FILTER_DEFLATE && filter != FILTER_SHUFFLE && filter != FILTER_CHECKSUM)
            return fail(error, VALENCE_ERROR_UNSUPPORTED,
                        "%s: byte %llu: refused: filter %llu (only deflate, shuffle and Fletcher's "
                        "checksum are read; there are no plug-ins)",
                        hdf5_name(reading->file), (unsigned long long)reading->address,
                        (unsigned long long)filter);
        reading->filters[reading->n_filters++] = (int)filter;
    }
    return VALENCE_OK;
}

static int visit(void *user, struct hdf5_message *message, struct valence_error *error)
{
    struct reading *reading = user;
    bool again = (message->type == HDF5_DATASPACE && reading->has_shape) ||
                 (message->type == HDF5_DATATYPE && reading->has_type) ||
                 (message->type == HDF5_LAYOUT && reading->layout >= 0) ||
                 (message->type == HDF5_FILTERS && reading->n_filters > 0);
    if (again)
        return malformed(reading, "a shape, type or layout comes twice", error);
    switch (message->type) {
    case HDF5_DATASPACE:
        return read_shape(reading, &message->body, error);
    case HDF5_DATATYPE:
        return read_type(reading, &message->body, error);
    case HDF5_LAYOUT:
        return read_layout(reading, &message->body, error);
    case HDF5_FILTERS:
        return read_filters(reading, &message->body, error);
    case HDF5_EXTERNAL_FILES:
        return unsupported(reading, "data kept in external files", error);
    default:
        return VALENCE_OK;
    }
}

/* ---- Filters ---- */

/* Byte j of all elements stands together. */
static void unshuffle(const unsigned char *in, size_t bytes, size_t element, unsigned char *out)
{
    size_t n = bytes / element;
    for (size_t j = 0; j < element; j++)
        for (size_t i = 0; i < n; i++)
            out[i * element + j] = in[j * n + i];
    memcpy(out + n * element, in + n * element, bytes - n * element);
}

/* Inflates to exactly `expected` bytes, or those and a checksum. *size: how many. */
static bool inflate_chunk(const unsigned char *in, uint64_t in_bytes, unsigned char *out,
                          size_t room, size_t *size)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)in,
                       .avail_in = (unsigned)in_bytes,
                       .next_out = out,
                       .avail_out = (unsigned)room};
    if (in_bytes > UINT32_MAX || room > UINT32_MAX || inflateInit(&stream) != Z_OK)
        return false;
    int code = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    *size = room - stream.avail_out;
    return code == Z_STREAM_END;
}

/* Undoes the filters, the last first. *out: chunk_bytes bytes, in the file or a buffer. */
static int undo_filters(struct reading *reading, const struct chunk_place *place,
                        const unsigned char *in, const unsigned char **out,
                        struct valence_error *error)
{
    size_t size = (size_t)place->size;
    for (int i = reading->n_filters - 1, turn = 0; i >= 0; i--) {
        if (place->skipped & 1u << i)
            continue;
        unsigned char *to = reading->buffers[turn];
        switch (reading->filters[i]) {
        case FILTER_CHECKSUM: /* zlib's own and the sizes are checked instead */
            if (size < 4)
                return malformed(reading, "a chunk without its checksum", error);
            size -= 4;
            continue;
        case FILTER_DEFLATE:
            if (!inflate_chunk(in, size, to, reading->chunk_bytes + 4, &size))
                return malformed(reading, "a chunk does not inflate to its size", error);
            break;
        default:
            if (size > reading->chunk_bytes + 4)
                return malformed(reading, "a chunk is larger than its shape", error);
            unshuffle(in, size, element_type_size(reading->dataset->type), to);
            break;
        }
        in = to;
        turn = !turn;
    }
    *out = in;
    return size == reading->chunk_bytes
               ? VALENCE_OK
               : malformed(reading, "a chunk has another size than its shape", error);
}

/* ---- Chunks ---- */

/* Copies what of the chunk at `start` (element indices) lies within the array. */
static void place_chunk(const struct reading *reading, const int64_t *start,
                        const unsigned char *elements)
{
    struct hdf5_dataset *dataset = reading->dataset;
    size_t element = element_type_size(dataset->type);
    int last = dataset->n_dims - 1;
    int64_t index[ARRAY_MAX_DIMS] = {0};
    int64_t run = dataset->shape[last] - start[last];
    if (run > reading->chunk[last])
        run = reading->chunk[last];
    for (bool more = true; more;) {
        int64_t from = 0, to = 0;
        for (int d = 0; d <= last; d++) {
            from = from * reading->chunk[d] + index[d];
            to = to * dataset->shape[d] + start[d] + index[d];
        }
        memcpy((unsigned char *)dataset->data + (size_t)to * element,
               elements + (size_t)from * element, (size_t)run * element);
        more = false;
        for (int d = last - 1; d >= 0 && !more; d--) {
            index[d]++;
            more = index[d] < reading->chunk[d] && start[d] + index[d] < dataset->shape[d];
            if (!more)
                index[d] = 0;
        }
    }
}

static int read_chunk(struct reading *reading, const struct chunk_place *place,
                      const int64_t *start, struct valence_error *error)
{
    const struct hdf5_dataset *dataset = reading->dataset;
    int64_t number = 0;
    for (int d = 0; d < dataset->n_dims; d++) {
        int64_t chunks = (dataset->shape[d] + reading->chunk[d] - 1) / reading->chunk[d];
        if (start[d] < 0 || start[d] >= dataset->shape[d] || start[d] % reading->chunk[d] != 0)
            return malformed(reading, "a chunk lies outside of the array", error);
        number = number * chunks + start[d] / reading->chunk[d];
    }
    if (reading->is_read[number]++)
        return malformed(reading, "a chunk is there twice", error);
    reading->n_read++;
    const unsigned char *elements =
        hdf5_at(reading->file, place->address, place->size, "a chunk", error);
    if (!elements)
        return VALENCE_ERROR_FORMAT;
    int status = undo_filters(reading, place, elements, &elements, error);
    if (!status)
        place_chunk(reading, start, elements);
    return status;
}

/* A node's keys are a chunk's size, skipped filters and place; the last dimension is the element's
 * size. */
static int read_tree(struct reading *reading, uint64_t address, int level,
                     struct valence_error *error)
{
    int n_dims = reading->dataset->n_dims;
    uint64_t key_bytes = 8 + 8 * ((uint64_t)n_dims + 1);
    if (address == HDF5_UNDEFINED)
        return malformed(reading, "nothing was written to its chunks", error);
    const unsigned char *start = hdf5_at(reading->file, address, 24, "an index of chunks", error);
    if (!start)
        return VALENCE_ERROR_FORMAT;
    if (memcmp(start, "TREE", 4) != 0 || start[4] != 1 || (level >= 0 && start[5] != level))
        return hdf5_malformed(reading->file, address, "there is no node of an index of chunks",
                              error);
    if (reading->n_nodes++ > hdf5_size(reading->file) / 24)
        return hdf5_malformed(reading->file, address, "an index of chunks with a cycle", error);
    unsigned n = start[6] | (unsigned)start[7] << 8;
    struct hdf5_bytes bytes = {.left = (size_t)(n * (key_bytes + 8))};
    bytes.data = hdf5_at(reading->file, address + 24, bytes.left, "an index of chunks", error);
    int status = bytes.data ? VALENCE_OK : VALENCE_ERROR_FORMAT;
    for (unsigned i = 0; i < n && !status; i++) {
        struct chunk_place place = {.size = hdf5_take(&bytes, 4)};
        int64_t at[ARRAY_MAX_DIMS];
        place.skipped = (unsigned)hdf5_take(&bytes, 4);
        for (int d = 0; d < n_dims; d++)
            at[d] = (int64_t)hdf5_take(&bytes, 8);
        hdf5_take(&bytes, 8);
        place.address = hdf5_take(&bytes, 8);
        status = start[5] > 0 ? read_tree(reading, place.address, start[5] - 1, error)
                              : read_chunk(reading, &place, at, error);
    }
    return status;
}

/* How many chunks there are and what one takes: no more than the file can hold, inflated. */
static int measure_chunks(struct reading *reading, struct valence_error *error)
{
    const struct hdf5_dataset *dataset = reading->dataset;
    int64_t elements, chunks[ARRAY_MAX_DIMS];
    if (reading->n_chunk_dims != dataset->n_dims)
        return malformed(reading, "chunks of other dimensions than the array", error);
    for (int d = 0; d < dataset->n_dims; d++)
        chunks[d] =
            dataset->shape[d] / reading->chunk[d] + (dataset->shape[d] % reading->chunk[d] != 0);
    if (!shape_count(chunks, dataset->n_dims, &reading->n_chunks) ||
        reading->n_chunks > (int64_t)(hdf5_size(reading->file) / 16))
        return malformed(reading, "more chunks than fit in the file", error);
    size_t all_bytes;
    if (!shape_count(reading->chunk, dataset->n_dims, &elements) ||
        !size_multiply(elements, (int64_t)element_type_size(dataset->type),
                       &reading->chunk_bytes) ||
        reading->chunk_bytes > UINT32_MAX - 4 ||
        !size_multiply((int64_t)reading->chunk_bytes, reading->n_chunks, &all_bytes) ||
        all_bytes / LARGEST_RATIO > hdf5_size(reading->file))
        return malformed(reading, "chunks larger than the file can hold", error);
    return VALENCE_OK;
}

static int read_chunks(struct reading *reading, struct valence_error *error)
{
    int status = measure_chunks(reading, error);
    if (status)
        return status;
    reading->is_read = allocate(reading->n_chunks, 1);
    for (int i = 0; i < 2; i++)
        reading->buffers[i] = malloc(reading->chunk_bytes + 4);
    if (!reading->is_read || !reading->buffers[0] || !reading->buffers[1])
        status = fail_memory(error, 2 * reading->chunk_bytes, "a chunk");
    if (!status && reading->has_single_chunk) {
        static const int64_t first[ARRAY_MAX_DIMS];
        if (reading->n_filters == 0)
            reading->single.size = reading->chunk_bytes;
        status = read_chunk(reading, &reading->single, first, error);
    } else if (!status)
        status = read_tree(reading, reading->data_address, -1, error);
    if (!status && reading->n_read != reading->n_chunks)
        status = malformed(reading, "chunks of the array are missing", error);
    free(reading->is_read);
    free(reading->buffers[0]);
    free(reading->buffers[1]);
    return status;
}

/* ---- All of it ---- */

/* The elements in one piece. */
static int read_piece(struct reading *reading, size_t bytes, struct valence_error *error)
{
    if (reading->n_filters > 0)
        return malformed(reading, "filters of data that are not in chunks", error);
    if (reading->data_size != bytes)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: byte %llu: an array of %zu bytes has %llu stored",
                    hdf5_name(reading->file), (unsigned long long)reading->address, bytes,
                    (unsigned long long)reading->data_size);
    const unsigned char *data =
        reading->layout == LAYOUT_COMPACT
            ? reading->compact
            : hdf5_at(reading->file, reading->data_address, bytes, "an array", error);
    if (!data)
        return VALENCE_ERROR_FORMAT;
    memcpy(reading->dataset->data, data, bytes);
    return VALENCE_OK;
}

static int read_elements(struct reading *reading, size_t maximum, struct valence_error *error)
{
    struct hdf5_dataset *dataset = reading->dataset;
    size_t bytes;
    if (!reading->has_shape || !reading->has_type || reading->layout < 0)
        return malformed(reading, "it is no dataset", error);
    if (!size_multiply(dataset->count, (int64_t)element_type_size(dataset->type), &bytes) ||
        bytes > maximum)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: byte %llu: an array of %lld elements is larger than %zu bytes",
                    hdf5_name(reading->file), (unsigned long long)reading->address,
                    (long long)dataset->count, maximum);
    if (dataset->count == 0)
        return VALENCE_OK;
    /* What is claimed is checked before memory is taken for it. */
    if (bytes / LARGEST_RATIO > hdf5_size(reading->file) ||
        (reading->layout != LAYOUT_CHUNKED && bytes > hdf5_size(reading->file)))
        return malformed(reading, "an array larger than the file can hold", error);
    dataset->data = malloc(bytes);
    if (!dataset->data)
        return fail_memory(error, bytes, "an array");
    return reading->layout == LAYOUT_CHUNKED && dataset->n_dims > 0
               ? read_chunks(reading, error)
               : read_piece(reading, bytes, error);
}

int hdf5_dataset_read(const struct hdf5 *file, uint64_t address, size_t maximum,
                      struct hdf5_dataset *dataset, struct valence_error *error)
{
    *dataset = (struct hdf5_dataset){0};
    struct reading reading = {.file = file, .address = address, .dataset = dataset, .layout = -1};
    int status = hdf5_messages(file, address, visit, &reading, error);
    return status ? status : read_elements(&reading, maximum, error);
}

void hdf5_dataset_free(struct hdf5_dataset *dataset)
{
    free(dataset->data);
    dataset->data = NULL;
}
