/* MERBench's layout: labels in an .npz of pickled dicts, one for each split, and features in a
 * folder for each stream.
 *
 *   train_corpus, val_corpus, test_corpus: {id: {"emo": ..., "val": number}}
 *
 * Source: github.com/zeroQiaoba/MERTools, MERBench; the pickles are read as data
 * (format/pickle.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/archive.h"
#include "format/npy.h"
#include "format/pickle/pickle.h"
#include "format/pickle/pickle_numpy.h"
#include "exchange/import_folder.h"
#include "exchange/source_identity.h"
#include "store/store_layout.h"

#define CORPUS_ENDING    "_corpus.npy"
#define MAX_CORPORA      16
#define MAX_CORPUS_BYTES (256 << 20)

/* One split's dict. */
struct corpus {
    char split[32]; /* what stands before "_corpus" */
    void *bytes;    /* of its pickle */
    struct pickle *pickle;
    const struct pickle_value *clips; /* DICT */
};

struct merbench {
    const char *path;
    const struct valence_import_options *options;
    struct corpus corpora[MAX_CORPORA];
    int n_corpora;
    int corpus;   /* of the next clip */
    int64_t clip; /* within it */
    const char *id;
    struct pickle_value single; /* a label that an array held */
    char problem[160];          /* with the label of the clip read last */
    struct import_folder folders[VALENCE_N_STREAMS];
    struct import_source source;
};

/* ---- Labels ---- */

/* The dict in an array of one object. */
static int find_dict(struct corpus *corpus, const char *name, struct valence_error *error)
{
    struct pickle_array array;
    const struct pickle_value *root = pickle_root(corpus->pickle);
    if (pickle_get_array(root, &array) && array.objects && array.header.count == 1)
        root = pickle_item(array.objects, 0);
    corpus->clips = root;
    return root && root->type == PICKLE_DICT
               ? VALENCE_OK
               : fail(error, VALENCE_ERROR_FORMAT, "%s: a %s, not a dict of clips", name,
                      pickle_type_name(root));
}

static int read_corpus(struct archive *archive, int64_t index, struct corpus *corpus,
                       struct valence_error *error)
{
    const char *name = archive_member_name(archive, index);
    struct npy *array;
    size_t size;
    snprintf(corpus->split, sizeof corpus->split, "%.*s",
             (int)(strlen(name) - strlen(CORPUS_ENDING)), name);
    int status = npy_open_member(archive, name, &array, error);
    if (!status)
        status = npy_read_bytes(array, MAX_CORPUS_BYTES, &corpus->bytes, &size, error);
    npy_close(array);
    if (!status)
        status = pickle_read(corpus->bytes, size, NULL, name, &corpus->pickle, NULL, error);
    return status ? status : find_dict(corpus, name, error);
}

static int read_labels(struct merbench *merbench, struct valence_error *error)
{
    struct archive *archive;
    int status = archive_open(merbench->path, &archive, error);
    if (status)
        return status;
    for (int64_t i = 0; i < archive_n_members(archive) && !status; i++) {
        if (!path_has_ending(archive_member_name(archive, i), CORPUS_ENDING))
            continue;
        status = merbench->n_corpora == MAX_CORPORA
                     ? fail(error, VALENCE_ERROR_LIMIT, "more than %d splits", MAX_CORPORA)
                     : read_corpus(archive, i, &merbench->corpora[merbench->n_corpora++], error);
    }
    if (!status && merbench->n_corpora == 0)
        status = fail(error, VALENCE_ERROR_FORMAT,
                      "it holds no train_corpus, val_corpus or test_corpus");
    archive_close(archive);
    return status ? fail_within(status, error, "%s", merbench->path) : VALENCE_OK;
}

/* ERROR_NOT_FOUND if no clip at all has the label that is asked for: its name is wrong. */
static int check_label(const struct merbench *merbench, struct valence_error *error)
{
    const char *wanted = merbench->options->label ? merbench->options->label : "val";
    const struct pickle_value *some = NULL;
    char names[256] = "";
    for (int c = 0; c < merbench->n_corpora && wanted[0]; c++) {
        const struct pickle_value *clips = merbench->corpora[c].clips;
        for (int64_t i = 1; i < clips->as.items.n; i += 2) {
            some = clips->as.items.values[i];
            if (some->type != PICKLE_DICT || pickle_get(some, wanted))
                return VALENCE_OK;
        }
    }
    for (int64_t i = 0; some && i < some->as.items.n; i += 2) {
        const struct pickle_value *name = some->as.items.values[i];
        size_t used = strlen(names);
        if (name->type == PICKLE_TEXT)
            snprintf(names + used, sizeof names - used, "%s%.60s", used ? ", " : "",
                     name->as.bytes.data);
    }
    return some ? fail_key(error, VALENCE_ERROR_NOT_FOUND, "label",
                           "%s: no clip has a label '%.80s'; they have %s", merbench->path, wanted,
                           names[0] ? names : "none")
                : VALENCE_OK;
}

/* ---- Clips ---- */

static int restart_merbench(void *self, struct valence_error *error)
{
    struct merbench *merbench = self;
    (void)error;
    merbench->corpus = 0;
    merbench->clip = 0;
    return VALENCE_OK;
}

/* The id and the labels of the next clip; NULL at the end. */
static const struct pickle_value *next_pair(struct merbench *merbench,
                                            const struct pickle_value **id)
{
    while (merbench->corpus < merbench->n_corpora) {
        const struct pickle_value *clips = merbench->corpora[merbench->corpus].clips;
        int64_t at = 2 * merbench->clip;
        if (at < clips->as.items.n) {
            merbench->clip++;
            *id = clips->as.items.values[at];
            return clips->as.items.values[at + 1];
        }
        merbench->corpus++;
        merbench->clip = 0;
    }
    return NULL;
}

/* The number or text that an array of one element holds, or the value itself. */
static const struct pickle_value *single_value(const struct pickle_value *value,
                                               struct merbench *merbench)
{
    struct pickle_array array;
    if (value && (value->type == PICKLE_LIST || value->type == PICKLE_TUPLE) &&
        value->as.items.n == 1)
        return value->as.items.values[0];
    if (!value || !pickle_get_array(value, &array) || array.header.count != 1)
        return value;
    if (array.objects)
        return pickle_item(array.objects, 0);
    struct npy *opened;
    float number = NAN;
    if (pickle_open_array(merbench->corpora[merbench->corpus].pickle, &array, "label", &opened,
                          NULL) == VALENCE_OK)
        (void)npy_read_float(opened, 0, 1, &number, NULL);
    npy_close(opened);
    merbench->single = (struct pickle_value){.type = PICKLE_FLOAT, .as.number = (double)number};
    return isnan(number) ? value : &merbench->single;
}

/* "val", or what the options name: a number, a text that is one, or None; in an array of one,
 * too. */
static void take_label(struct merbench *merbench, const struct pickle_value *labels,
                       struct import_record *record)
{
    const char *wanted = merbench->options->label;
    const char *name = wanted ? wanted : "val";
    const struct pickle_value *label = single_value(pickle_get(labels, name), merbench);
    record->label_number = NAN;
    if (name[0] == '\0' || (label && label->type == PICKLE_NONE) ||
        pickle_get_number(label, &record->label_number))
        return;
    if (label && label->type == PICKLE_TEXT) {
        record->label = label->as.bytes.data;
        return;
    }
    snprintf(merbench->problem, sizeof merbench->problem, "%s '%.80s'%s%s",
             label ? "its label" : "it has no label", name, label ? " is not a number but a " : "",
             label ? pickle_type_name(label) : "");
    record->problem = merbench->problem;
}

static int next_clip(void *self, struct import_record *record, bool *more,
                     struct valence_error *error)
{
    struct merbench *merbench = self;
    const struct pickle_value *id = NULL, *labels = next_pair(merbench, &id);
    *more = labels != NULL;
    if (!labels)
        return VALENCE_OK;
    const char *split = merbench->corpora[merbench->corpus].split;
    *record = (struct import_record){.group = "", .transcript = "", .split = split};
    snprintf(record->place, sizeof record->place, "%s: %s_corpus[%lld]", merbench->path, split,
             (long long)merbench->clip - 1);
    if (id->type != PICKLE_TEXT || strlen(id->as.bytes.data) != id->as.bytes.size ||
        labels->type != PICKLE_DICT)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: not an id with a dict of labels",
                    record->place);
    record->id = merbench->id = id->as.bytes.data;
    take_label(merbench, labels, record);
    return VALENCE_OK;
}

static int rows_of(void *self, const char *id, int index, struct valence_clip_rows *rows,
                   struct valence_error *error)
{
    struct merbench *merbench = self;
    return import_folder_rows(&merbench->folders[index], id, &merbench->source.streams[index], rows,
                              error);
}

static int merbench_rows(void *self, int index, struct valence_clip_rows *rows,
                         struct valence_error *error)
{
    struct merbench *merbench = self;
    return rows_of(self, merbench->id, index, rows, error);
}

static void expect(void *self, const char *id)
{
    const struct merbench *merbench = self;
    for (int i = 0; i < merbench->source.n_streams; i++)
        import_folder_expect(&merbench->folders[i], id);
}

/* ---- Streams ---- */

static int add_stream(struct merbench *merbench, enum valence_stream which, const char *path,
                      struct valence_error *error)
{
    struct import_folder *folder = &merbench->folders[merbench->source.n_streams];
    bool most = merbench->options->skip & VALENCE_BIT(VALENCE_SKIP_WIDTH);
    int64_t width = 0;
    *folder = (struct import_folder){.path = path, .feat_scale = merbench->options->feat_scale};
    int status = import_folder_find_width(folder, &merbench->source, most, &width, error);
    if (!status && width == 0)
        status = import_folder_fail_empty(folder, &merbench->source, merbench->path, error);
    import_name_stream(&merbench->source, which, width);
    return status;
}

/* ---- The import ---- */

static int describe(struct merbench *merbench, struct valence_error *error)
{
    const char *folders[VALENCE_N_STREAMS];
    for (int i = 0; i < merbench->source.n_streams; i++)
        folders[i] = merbench->folders[i].path;
    /* What the identities do not say themselves. */
    fail_memory(error, 0, "a source's description");
    json_t *file = identity_of_file(merbench->path, error);
    json_t *arrays = file ? import_folder_identities(&merbench->source, folders, error) : NULL;
    merbench->source.description =
        json_pack("{s:s, s:o, s:o}", "kind", "merbench", "file", file, "folders", arrays);
    return merbench->source.description ? VALENCE_OK : error->status;
}

static int import_clips(struct merbench *merbench, const struct import_request *request,
                        struct valence_error *error)
{
    const char *folders[VALENCE_N_STREAMS];
    for (int i = 0; i < merbench->n_corpora; i++)
        merbench->source.n_clips += merbench->corpora[i].clips->as.items.n / 2;
    int status = describe(merbench, error);
    if (!status)
        status = import_run(&merbench->source, request, error);
    for (int i = 0; i < merbench->source.n_streams; i++)
        folders[i] = merbench->folders[i].path;
    return status ? status
                  : import_folder_count_unlisted(&merbench->source, folders,
                                                 merbench->source.n_streams,
                                                 &request->result->unlisted, error);
}

int import_merbench(const struct import_request *request, struct valence_error *error)
{
    const struct valence_import_options *options = request->options;
    struct merbench merbench = {.path = request->source, .options = options};
    merbench.source = (struct import_source){.self = &merbench,
                                             .restart = restart_merbench,
                                             .next = next_clip,
                                             .rows = merbench_rows,
                                             .rows_of = rows_of,
                                             .expect = expect};
    int status = read_labels(&merbench, error);
    if (!status)
        status = check_label(&merbench, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++)
        if (options->streams[i].folder)
            status =
                add_stream(&merbench, (enum valence_stream)i, options->streams[i].folder, error);
    if (!status)
        status = import_clips(&merbench, request, error);
    for (int i = 0; i < merbench.n_corpora; i++) {
        pickle_free(merbench.corpora[i].pickle);
        free(merbench.corpora[i].bytes);
    }
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        import_folder_free(&merbench.folders[i]);
    return status;
}
