#include "format/hdf5_reader.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/text_sort.h"
#include "format/byte_source.h"

#define MAX_LINKS      (1 << 24)
#define MAX_TEXT_BYTES (1 << 20)
#define READ_ONLY      0u /* H5F_ACC_RDONLY without the check that may end the process */

struct hdf5_reader {
    const char *name; /* the source's */
    hid_t file;
};

/* The reason that libhdf5 gives, where it all began. */
static herr_t take_reason(unsigned depth, const H5E_error2_t *entry, void *reason)
{
    (void)depth;
    if (entry->desc)
        snprintf(reason, 200, ": %s", entry->desc);
    return 1;
}

static int fail_hdf5(const struct hdf5_reader *file, const char *what, struct valence_error *error)
{
    char reason[200] = "";
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, reason);
    return fail(error, VALENCE_ERROR_FORMAT, "%s: %s (is the file damaged or cut off?)%s",
                file->name, what, reason);
}

/* ---- Opening ---- */

/* Headers and library must agree; libhdf5's own check would end the process. */
static int check_version(struct valence_error *error)
{
    unsigned major = 0, minor = 0, release = 0;
    if (H5get_libversion(&major, &minor, &release) >= 0 && major == H5_VERS_MAJOR &&
        minor == H5_VERS_MINOR)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "libhdf5 %u.%u is installed, this program was built for %d.%d", major, minor,
                H5_VERS_MAJOR, H5_VERS_MINOR);
}

/* A file that others may write is not locked; closing it closes all within. */
static hid_t access_list(const struct byte_source *source)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    bool fine = list >= 0 && H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) >= 0;
#if H5_VERSION_GE(1, 10, 7)
    fine = fine && H5Pset_file_locking(list, 0, 1) >= 0;
#endif
    if (fine && source->bytes)
        fine = H5Pset_fapl_core(list, 1 << 20, 0) >= 0 &&
               H5Pset_file_image(list, (void *)(uintptr_t)source->bytes, (size_t)source->size) >= 0;
    if (!fine && list >= 0)
        H5Pclose(list);
    return fine ? list : -1;
}

static int open_file(struct hdf5_reader *file, const struct byte_source *source, const char *path,
                     struct valence_error *error)
{
    int status = check_version(error);
    hid_t list = status ? -1 : access_list(source);
    if (status)
        return status;
    if (list < 0)
        return fail(error, VALENCE_ERROR_MEMORY, "%s: libhdf5 cannot be set up", file->name);
    file->file = H5Fopen(source->bytes ? "memory" : path, READ_ONLY, list);
    H5Pclose(list);
    if (file->file >= 0)
        return VALENCE_OK;
    return fail_hdf5(file, "not an HDF5 file that can be read", error);
}

int hdf5_reader_open(const struct byte_source *source, const char *path,
                     struct hdf5_reader **reader, struct valence_error *error)
{
    *reader = NULL;
    struct hdf5_reader *opened = calloc(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "a file");
    opened->file = -1;
    opened->name = source->name;
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* it would print */
    (void)H5PLset_loading_state(0);              /* and load code */
    int status = open_file(opened, source, path, error);
    if (status)
        free(opened);
    else
        *reader = opened;
    return status;
}

/* ---- Links ---- */

static int follow_link(const struct hdf5_reader *file, hid_t group, const char *name, hid_t *object,
                       struct valence_error *error)
{
    H5L_info_t link;
    htri_t there = H5Lexists(group, name, H5P_DEFAULT);
    if (there == 0)
        return fail(error, VALENCE_ERROR_NOT_FOUND, "%s: it holds no '%.100s'", file->name, name);
    if (there < 0 || H5Lget_info(group, name, &link, H5P_DEFAULT) < 0)
        return fail_hdf5(file, "a link cannot be read", error);
    if (link.type != H5L_TYPE_HARD)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: refused: the %s link '%.100s' (only data inside the file are read)",
                    file->name,
                    link.type == H5L_TYPE_SOFT       ? "soft"
                    : link.type == H5L_TYPE_EXTERNAL ? "external"
                                                     : "user-defined",
                    name);
    *object = H5Oopen(group, name, H5P_DEFAULT);
    return *object < 0 ? fail_hdf5(file, "an object cannot be read", error) : VALENCE_OK;
}

static const char *last_name(const struct hdf5_path *path)
{
    return path->depth ? path->names[path->depth - 1] : "/";
}

/* What is at `path`, to be closed by H5Oclose(); it must be a `type`. */
static int open_object(const struct hdf5_reader *file, const struct hdf5_path *path,
                       H5I_type_t type, hid_t *object, struct valence_error *error)
{
    hid_t at = H5Gopen2(file->file, "/", H5P_DEFAULT);
    int status = at < 0 ? fail_hdf5(file, "the root group cannot be read", error) : VALENCE_OK;
    for (int i = 0; i < path->depth && !status; i++) {
        hid_t next = -1;
        status = H5Iget_type(at) == H5I_GROUP
                     ? follow_link(file, at, path->names[i], &next, error)
                     : fail(error, VALENCE_ERROR_FORMAT, "%s: '%.100s' is not a group", file->name,
                            path->names[i - 1]);
        H5Oclose(at);
        at = next;
    }
    if (!status && H5Iget_type(at) != type) {
        H5Oclose(at);
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: '%.100s' is not a %s", file->name,
                      last_name(path), type == H5I_GROUP ? "group" : "dataset");
    }
    *object = status ? -1 : at;
    return status;
}

/* ---- Groups ---- */

struct listing {
    struct hdf5_names *names;
    int status;
    struct valence_error *error;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    struct listing *listing = user;
    struct hdf5_names *names = listing->names;
    void *grown = names->names;
    listing->status = grow_array(&grown, &names->capacity, names->n + 1, sizeof *names->names,
                                 MAX_LINKS, "links of a group", listing->error);
    names->names = grown;
    if (listing->status)
        return -1;
    names->names[names->n] = strdup(name);
    if (!names->names[names->n])
        listing->status = fail_memory(listing->error, strlen(name), "a name");
    else
        names->n++;
    return listing->status ? -1 : 0;
}

int hdf5_reader_list(const struct hdf5_reader *file, const struct hdf5_path *path,
                     struct hdf5_names *names, struct valence_error *error)
{
    struct listing listing = {names, VALENCE_OK, error};
    hid_t group;
    hsize_t first = 0;
    *names = (struct hdf5_names){0};
    int status = open_object(file, path, H5I_GROUP, &group, error);
    if (status)
        return status;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &first, add_name, &listing) < 0)
        status =
            listing.status ? listing.status : fail_hdf5(file, "a group cannot be listed", error);
    H5Oclose(group);
    const char *twice = status ? NULL : sort_texts((const char **)names->names, names->n);
    if (twice)
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: two links are named '%.100s'", file->name,
                      twice);
    return status;
}

/* ---- Datasets ---- */

/* What is read through libhdf5 and closed together. */
struct reading {
    const struct hdf5_reader *file;
    const char *name; /* of the dataset */
    size_t maximum;
    hid_t dataset, type, space, creation;
    struct hdf5_dataset *out;
    struct valence_error *error;
};

static int refuse(const struct reading *r, const char *what)
{
    return fail(r->error, VALENCE_ERROR_UNSUPPORTED, "%s: '%.100s': refused: %s", r->file->name,
                r->name, what);
}

/* Where the elements are, and what is to be done with them: only what is in the file, by filters
 * that are known. */
static int check_storage(const struct reading *r)
{
    if (H5Pget_external_count(r->creation) != 0)
        return refuse(r, "its data are in external files");
    if (H5Pget_layout(r->creation) == H5D_VIRTUAL)
        return refuse(r, "virtual data, which are in other files");
    int n = H5Pget_nfilters(r->creation);
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t n_values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(r->creation, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config);
        char what[64];
        snprintf(what, sizeof what, "filter %d (only gzip, shuffle and Fletcher-32 are read)",
                 (int)filter);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32)
            return refuse(r, what);
    }
    return n < 0 ? fail_hdf5(r->file, "its filters cannot be read", r->error) : VALENCE_OK;
}

static int read_shape(const struct reading *r)
{
    hsize_t sizes[H5S_MAX_RANK];
    struct hdf5_dataset *out = r->out;
    int n_dims = H5Sget_simple_extent_ndims(r->space);
    if (n_dims > ARRAY_MAX_DIMS || H5Sget_simple_extent_type(r->space) == H5S_NULL)
        return refuse(r, "more than 8 dimensions, or no shape");
    if (n_dims < 0 || H5Sget_simple_extent_dims(r->space, sizes, NULL) < 0)
        return fail_hdf5(r->file, "its shape cannot be read", r->error);
    out->n_dims = n_dims;
    for (int i = 0; i < n_dims; i++)
        out->shape[i] = sizes[i] > INT64_MAX ? -1 : (int64_t)sizes[i];
    if (!shape_count(out->shape, n_dims, &out->count))
        return fail(r->error, VALENCE_ERROR_FORMAT, "%s: '%.100s' has an impossible shape",
                    r->file->name, r->name);
    return VALENCE_OK;
}

/* Against the shape, and the chunks that it is read in. */
static int check_size(const struct reading *r, size_t item)
{
    hsize_t sizes[H5S_MAX_RANK];
    size_t bytes, chunk = item;
    bool fits = size_multiply(r->out->count, (int64_t)item, &bytes) && bytes <= r->maximum;
    if (H5Pget_layout(r->creation) == H5D_CHUNKED) {
        int n = H5Pget_chunk(r->creation, H5S_MAX_RANK, sizes);
        for (int i = 0; i < n; i++)
            fits = fits && !__builtin_mul_overflow(chunk, sizes[i], &chunk) && chunk <= r->maximum;
    }
    return fits ? VALENCE_OK
                : fail(r->error, VALENCE_ERROR_LIMIT,
                       "%s: '%.100s' has %lld elements of %zu bytes, more than %zu MiB",
                       r->file->name, r->name, (long long)r->out->count, item, r->maximum >> 20);
}

/* IEEE floats and whole numbers of 1 to 8 bytes that fill them. */
static int number_type(hid_t type)
{
    size_t size = H5Tget_size(type), exponent_at, exponent, mantissa_at, mantissa, sign_at;
    H5T_order_t order = H5Tget_order(type);
    bool plain = H5Tget_precision(type) == 8 * size && H5Tget_offset(type) == 0 &&
                 (order == H5T_ORDER_LE || order == H5T_ORDER_BE);
    if (!plain)
        return -1;
    if (H5Tget_class(type) == H5T_INTEGER)
        return element_type_from_numpy(H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i',
                                       (int64_t)size);
    size_t exponents = size == 2 ? 5 : size == 4 ? 8 : 11;
    if (H5Tget_class(type) != H5T_FLOAT ||
        H5Tget_fields(type, &sign_at, &exponent_at, &exponent, &mantissa_at, &mantissa) < 0 ||
        exponent != exponents || mantissa_at != 0 || exponent_at != mantissa ||
        sign_at != 8 * size - 1 || H5Tget_ebias(type) != ((size_t)1 << (exponents - 1)) - 1)
        return -1;
    return element_type_from_numpy('f', (int64_t)size);
}

/* libhdf5 does no more than swap bytes. */
static int read_numbers(const struct reading *r)
{
    int type = number_type(r->type);
    if (type < 0)
        return refuse(r, "elements that are neither plain numbers nor texts");
    r->out->type = (enum element_type)type;
    size_t item = element_type_size(r->out->type);
    int status = check_size(r, item);
    if (status)
        return status;
    r->out->data = allocate(r->out->count ? r->out->count : 1, item);
    if (!r->out->data)
        return fail_memory(r->error, (size_t)r->out->count * item, "an array");
    hid_t native = H5Tcopy(r->type);
    if (native < 0 || H5Tset_order(native, H5T_ORDER_LE) < 0 ||
        (r->out->count &&
         H5Dread(r->dataset, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, r->out->data) < 0))
        status = fail_hdf5(r->file, "an array cannot be read", r->error);
    if (native >= 0)
        H5Tclose(native);
    return status;
}

/* One text, without what pads it. */
static int keep_text(const struct reading *r, int64_t at, const char *text, size_t length)
{
    while (length && (text[length - 1] == '\0' || text[length - 1] == ' '))
        length--;
    if (memchr(text, '\0', length))
        length = strlen(text);
    if (!is_utf8(text, length))
        return fail(r->error, VALENCE_ERROR_DATA, "%s: '%.100s': text %lld is not UTF-8",
                    r->file->name, r->name, (long long)at);
    r->out->texts[at] = strndup(text, length);
    return r->out->texts[at] ? VALENCE_OK : fail_memory(r->error, length, "a text");
}

static int read_fixed_texts(const struct reading *r)
{
    size_t item = H5Tget_size(r->type);
    int status = item == 0 || item > MAX_TEXT_BYTES ? refuse(r, "texts of more than 1 MiB")
                                                    : check_size(r, item);
    if (status)
        return status;
    char *bytes = allocate(r->out->count + 1, item);
    if (!bytes)
        return fail_memory(r->error, (size_t)r->out->count * item, "texts");
    if (r->out->count && H5Dread(r->dataset, r->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
        status = fail_hdf5(r->file, "texts cannot be read", r->error);
    for (int64_t i = 0; i < r->out->count && !status; i++)
        status = keep_text(r, i, bytes + (size_t)i * item, item);
    free(bytes);
    return status;
}

static int read_variable_texts(const struct reading *r)
{
    hsize_t all = 0;
    int status = VALENCE_OK;
    if (r->out->count == 0)
        return status;
    if (H5Dvlen_get_buf_size(r->dataset, r->type, r->space, &all) < 0)
        return fail_hdf5(r->file, "texts cannot be read", r->error);
    if (all > r->maximum)
        return fail(r->error, VALENCE_ERROR_LIMIT, "%s: '%.100s' has texts of more than %zu MiB",
                    r->file->name, r->name, r->maximum >> 20);
    char **texts = allocate(r->out->count, sizeof *texts);
    if (!texts)
        return fail_memory(r->error, (size_t)r->out->count * sizeof *texts, "texts");
    if (H5Dread(r->dataset, r->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)
        status = fail_hdf5(r->file, "texts cannot be read", r->error);
    for (int64_t i = 0; i < r->out->count && !status; i++)
        status = keep_text(r, i, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) : 0);
    (void)H5Dvlen_reclaim(r->type, r->space, H5P_DEFAULT, texts);
    free(texts);
    return status;
}

static int read_texts(const struct reading *r)
{
    htri_t variable = H5Tis_variable_str(r->type);
    if (variable < 0)
        return fail_hdf5(r->file, "its type cannot be read", r->error);
    r->out->is_text = true;
    int status = check_size(r, sizeof(char *));
    if (status)
        return status;
    r->out->texts = allocate(r->out->count ? r->out->count : 1, sizeof *r->out->texts);
    if (!r->out->texts)
        return fail_memory(r->error, (size_t)r->out->count * sizeof *r->out->texts, "texts");
    return variable ? read_variable_texts(r) : read_fixed_texts(r);
}

static int read_dataset(struct reading *r)
{
    r->type = H5Dget_type(r->dataset);
    r->space = H5Dget_space(r->dataset);
    r->creation = H5Dget_create_plist(r->dataset);
    int status = r->type < 0 || r->space < 0 || r->creation < 0
                     ? fail_hdf5(r->file, "a dataset cannot be read", r->error)
                     : check_storage(r);
    if (!status)
        status = read_shape(r);
    if (!status)
        status = H5Tget_class(r->type) == H5T_STRING ? read_texts(r) : read_numbers(r);
    if (r->type >= 0)
        H5Tclose(r->type);
    if (r->space >= 0)
        H5Sclose(r->space);
    if (r->creation >= 0)
        H5Pclose(r->creation);
    return status;
}

int hdf5_reader_read(const struct hdf5_reader *file, const struct hdf5_path *path, size_t maximum,
                     struct hdf5_dataset *dataset, struct valence_error *error)
{
    struct reading reading = {
        .file = file, .name = last_name(path), .maximum = maximum, .out = dataset, .error = error};
    *dataset = (struct hdf5_dataset){0};
    int status = open_object(file, path, H5I_DATASET, &reading.dataset, error);
    if (status)
        return status;
    status = read_dataset(&reading);
    H5Oclose(reading.dataset);
    return status;
}
