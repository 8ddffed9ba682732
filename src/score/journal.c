#include "score/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/text.h"
#include "model/model_private.h"
#include "models/model_file.h"
#include "score/journal_record.h"
#include "valence/version.h"

/* A recording up to this is scored anew as fast as it is found again. */
#define SHORT_SECONDS 60
#define KEPT_SECONDS  (30 * 24 * 3600.0)
#define MAX_BYTES     ((size_t)1 << 30)
#define ENDING        ".journal"

enum record_kind { RECORD_KEY = 0x4a565331, RECORD_HEARD, RECORD_HEARD_ALL, RECORD_SEGMENT };

struct record_head {
    uint32_t kind, crc;
    uint64_t n;
};

struct score_journal {
    char *path;
    int descriptor; /* -1 after a failure to write */
    /* What an earlier call kept, up to the last whole record; the next segment begins at `at`. */
    char *bytes;
    size_t n, at;
    struct valence_transcript *heard;
    bool heard_all;
};

/* ---- The key ---- */

#define RECORDS_VERSION 2 /* what the records hold; 1 had no novelty */

static void add_text(struct sha256 *digest, const char *text)
{
    sha256_add(digest, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void add_number(struct sha256 *digest, double number)
{
    sha256_add(digest, &number, sizeof number);
}

static void add_transcript(struct sha256 *digest, const struct valence_transcript *transcript)
{
    for (int64_t i = 0; transcript && i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        add_text(digest, segment->text);
        add_number(digest, segment->start);
        add_number(digest, segment->end);
        for (int64_t j = 0; j < segment->n_words; j++) {
            add_text(digest, segment->words[j].text);
            add_number(digest, segment->words[j].start);
            add_number(digest, segment->words[j].end);
        }
    }
}

static void add_options(struct sha256 *digest, const struct valence_scorer *scorer)
{
    const struct valence_scorer_options *options = &scorer->options;
    const struct valence_media_options *media = &scorer->media;
    const double numbers[] = {
        options->recognise,       options->level,           options->whole_seconds,
        options->window_seconds,  options->longest_seconds, options->signals,
        options->explain,         media->audio_stream,      media->video_stream,
        media->attached_pictures, media->upright,           media->square_pixels,
        media->accept_damaged};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(digest, numbers[i]);
    add_text(digest, options->language);
    add_text(digest, options->vad);
}

static int make_key(const struct valence_scorer *scorer, const struct valence_recording *recording,
                    char key[SHA256_TEXT_BYTES], struct valence_error *error)
{
    struct sha256 digest;
    char of_file[SHA256_TEXT_BYTES];
    int status = hash_file(recording->path, of_file, error);
    if (status)
        return status;
    sha256_begin(&digest);
    add_text(&digest, valence_version());
    add_number(&digest, RECORDS_VERSION);
    add_text(&digest, of_file);
    model_add_digest(scorer->model, &digest);
    add_text(&digest, valence_extractor_settings(scorer->extractor));
    if (scorer->observer)
        add_text(&digest, valence_extractor_settings(scorer->observer));
    add_options(&digest, scorer);
    add_transcript(&digest, recording->transcript);
    sha256_end(&digest, key);
    return VALENCE_OK;
}

/* ---- Reading ---- */

/* The record at `at`; false where no whole one stands there. */
static bool find_record(const unsigned char *bytes, size_t n, size_t at, struct record_head *head,
                        struct record *record)
{
    if (n - at < sizeof *head)
        return false;
    memcpy(head, bytes + at, sizeof *head);
    if (head->n > n - at - sizeof *head ||
        crc32c(0, bytes + at + sizeof *head, head->n) != head->crc)
        return false;
    *record = (struct record){.reads = true,
                              .bytes = (unsigned char *)(uintptr_t)bytes + at + sizeof *head,
                              .n = head->n};
    return true;
}

size_t score_journal_scan(const unsigned char *bytes, size_t n, const char *key, size_t *first,
                          struct valence_transcript **heard, bool *is_all)
{
    struct record_head head;
    struct record record;
    size_t at = 0;
    *first = 0;
    *heard = NULL;
    *is_all = false;
    if (!find_record(bytes, n, at, &head, &record) || head.kind != RECORD_KEY ||
        head.n != strlen(key) || memcmp(record.bytes, key, head.n) != 0)
        return 0;
    at += sizeof head + head.n;
    while (find_record(bytes, n, at, &head, &record) &&
           (head.kind == RECORD_HEARD || head.kind == RECORD_HEARD_ALL)) {
        struct valence_transcript *transcript = record_read_transcript(&record);
        if (!transcript)
            break;
        valence_transcript_free(*heard);
        *heard = transcript;
        *is_all = head.kind == RECORD_HEARD_ALL;
        at += sizeof head + head.n;
    }
    *first = at;
    while (find_record(bytes, n, at, &head, &record) && head.kind == RECORD_SEGMENT)
        at += sizeof head + head.n;
    return at;
}

/* ---- Writing ---- */

static bool write_all(int descriptor, const void *bytes, size_t n)
{
    for (const char *from = bytes; n > 0;) {
        ssize_t wrote = write(descriptor, from, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        from += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

static void give_up(struct score_journal *journal, int number)
{
    log_line(VALENCE_LOG_WARNING,
             "%s: cannot keep what is finished: %s; an interruption would lose it", journal->path,
             strerror(number));
    if (journal->descriptor >= 0)
        close(journal->descriptor);
    journal->descriptor = -1;
}

static void append(struct score_journal *journal, enum record_kind kind, const void *bytes,
                   size_t n)
{
    const struct record_head head = {kind, crc32c(0, bytes, n), n};
    if (journal->descriptor >= 0 && (!write_all(journal->descriptor, &head, sizeof head) ||
                                     !write_all(journal->descriptor, bytes, n)))
        give_up(journal, errno);
}

static void append_record(struct score_journal *journal, enum record_kind kind,
                          struct record *record)
{
    if (record->failed)
        give_up(journal, ENOMEM);
    else
        append(journal, kind, record->bytes, record->n);
    free(record->bytes);
}

void score_journal_keep_heard(struct score_journal *journal,
                              const struct valence_transcript *transcript, bool is_all)
{
    struct record record = {0};
    if (!journal || journal->descriptor < 0)
        return;
    record_write_transcript(&record, transcript);
    append_record(journal, is_all ? RECORD_HEARD_ALL : RECORD_HEARD, &record);
}

void score_journal_keep(struct score_journal *journal, const struct score_made *made,
                        const char *warning)
{
    struct record record = {0};
    struct score_made copy = *made; /* whose parts are only read */
    char *text = (char *)(uintptr_t)warning;
    if (!journal || journal->descriptor < 0)
        return;
    record_segment(&record, &copy, &text);
    append_record(journal, RECORD_SEGMENT, &record);
}

/* ---- Opening ---- */

/* Reads what is there and drops what is no whole record. False, and errno, on failure. */
static bool load(struct score_journal *journal, const char *key)
{
    struct stat about;
    size_t done = 0;
    if (fstat(journal->descriptor, &about) != 0)
        return false;
    size_t size =
        about.st_size > 0 && (size_t)about.st_size <= MAX_BYTES ? (size_t)about.st_size : 0;
    if (!(journal->bytes = malloc(size + 1)))
        return false;
    while (done < size) {
        ssize_t n = pread(journal->descriptor, journal->bytes + done, size - done, (off_t)done);
        if (n < 0 && errno != EINTR)
            return false;
        if (n == 0)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    journal->n = score_journal_scan((const unsigned char *)journal->bytes, done, key, &journal->at,
                                    &journal->heard, &journal->heard_all);
    if (ftruncate(journal->descriptor, (off_t)journal->n) != 0 ||
        lseek(journal->descriptor, 0, SEEK_END) < 0)
        return false;
    if (journal->n == 0)
        append(journal, RECORD_KEY, key, strlen(key));
    return true;
}

static void free_journal(struct score_journal *journal)
{
    if (journal->descriptor >= 0)
        close(journal->descriptor);
    valence_transcript_free(journal->heard);
    free(journal->bytes);
    free(journal->path);
    free(journal);
}

static int open_file(struct score_journal *journal, const char *folder, const char *key,
                     bool *is_open, struct valence_error *error)
{
    char name[SHA256_TEXT_BYTES + sizeof ENDING];
    struct valence_error problem;
    *is_open = false;
    snprintf(name, sizeof name, "%s%s", key, ENDING);
    if (!(journal->path = path_join(folder, name)))
        return fail_memory(error, strlen(folder), "a path");
    if (make_folders(folder, &problem)) {
        log_line(VALENCE_LOG_WARNING, "%s; an interruption would lose what is finished",
                 problem.text);
        return VALENCE_OK;
    }
    journal->descriptor = open(journal->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->descriptor < 0) {
        give_up(journal, errno);
        return VALENCE_OK;
    }
    if (flock(journal->descriptor, LOCK_EX | LOCK_NB) != 0) /* another process is at it */
        return VALENCE_OK;
    if (load(journal, key))
        *is_open = true;
    else
        give_up(journal, errno);
    return VALENCE_OK;
}

/* Removes journals in the folder that were last written more than 30 days ago. */
static void remove_old(const char *folder)
{
    const time_t now = time(NULL);
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        struct stat about;
        char *path =
            path_has_ending(entry->d_name, ENDING) ? path_join(folder, entry->d_name) : NULL;
        if (path && stat(path, &about) == 0 && difftime(now, about.st_mtime) > KEPT_SECONDS)
            unlink(path);
        free(path);
    }
    if (entries)
        closedir(entries);
}

int score_journal_open(const struct valence_scorer *scorer,
                       const struct valence_recording *recording, double seconds,
                       struct score_journal **journal, struct valence_error *error)
{
    const char *folder = scorer->options.journal_folder;
    if (valence_model_get_config(scorer->model)->n_classes)
        folder = NULL; /* records have no probabilities */
    char key[SHA256_TEXT_BYTES];
    bool is_open;
    *journal = NULL;
    if (!folder || !recording->path || recording->range || seconds <= SHORT_SECONDS ||
        (recording->text && *recording->text))
        return VALENCE_OK;
    int status = make_key(scorer, recording, key, error);
    if (status)
        return status;
    struct score_journal *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a journal");
    made->descriptor = -1;
    remove_old(folder);
    status = open_file(made, folder, key, &is_open, error);
    if (status || !is_open)
        free_journal(made);
    else
        *journal = made;
    return status;
}

void score_journal_close(struct score_journal *journal, bool is_finished)
{
    if (!journal)
        return;
    if (is_finished)
        unlink(journal->path); /* under the lock */
    free_journal(journal);
}

/* ---- Taking ---- */

const struct valence_transcript *score_journal_heard(const struct score_journal *journal,
                                                     bool *is_all)
{
    *is_all = journal && journal->heard_all;
    return journal ? journal->heard : NULL;
}

/* What an earlier call kept from here on is of no use. */
static void drop_rest(struct score_journal *journal)
{
    if (journal->at < journal->n && journal->descriptor >= 0 &&
        (ftruncate(journal->descriptor, (off_t)journal->at) != 0 ||
         lseek(journal->descriptor, 0, SEEK_END) < 0))
        give_up(journal, errno);
    journal->n = journal->at;
}

bool score_journal_take(struct score_journal *journal, const struct score_span *span,
                        struct score_made *made, char **warning)
{
    struct record_head head;
    struct record record;
    char *kept = NULL;
    if (!journal || !find_record((const unsigned char *)journal->bytes, journal->n, journal->at,
                                 &head, &record))
        return false;
    record_segment(&record, made, &kept);
    if (record.failed || made->is.start != span->start || made->is.end != span->end) {
        score_made_free(made);
        free(kept);
        drop_rest(journal);
        return false;
    }
    journal->at += sizeof head + head.n;
    if (*warning)
        free(kept);
    else
        *warning = kept;
    return true;
}
