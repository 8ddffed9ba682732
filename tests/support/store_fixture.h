/* A folder for each test, small stores, and their comparison. */
#ifndef VALENCE_TEST_STORE_FIXTURE_H
#define VALENCE_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "valence/store.h"

static char folder[64];
static struct valence_error error;

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/valence-store-XXXXXX");
    memset(&error, 0, sizeof error);
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int type,
                               struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* "FOLDER/name"; one of a few buffers that take turns. */
static inline const char *in_folder(const char *name)
{
    static char paths[8][256];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

/* Shows an unexpected error's text. */
static inline void assert_fine(int status)
{
    if (status)
        fail_msg("status %d: %s", status, error.text);
}

static inline void assert_fails(int status, int expected, const char *words)
{
    if (status != expected)
        fail_msg("status %d, not %d: %s", status, expected, error.text);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

#define TEST_IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

static const struct valence_store_stream numbered_audio = {
    .name = "audio", .width = 2, .type = VALENCE_F16};

/* A store of clips c0, c1, ... whose transcripts are their numbers; every third has no audio. */
static inline void write_numbered_store(const char *name, int n)
{
    struct valence_store_writer *writer;
    assert_fine(
        valence_store_writer_open(in_folder(name), &numbered_audio, 1, NULL, &writer, &error));
    assert_fine(valence_store_writer_set_source(
        writer, "{\"kind\": \"table\", \"encoders\": {\"audio\": {\"layers\": 7}}}", &error));
    for (int i = 0; i < n; i++) {
        char id[8], transcript[16];
        float rows[4] = {(float)i, 0.5f, -0.25f, 65504.0f};
        snprintf(id, sizeof id, "c%d", i);
        snprintf(transcript, sizeof transcript, "%d", i);
        struct valence_clip clip = {.id = id,
                                    .group = "g",
                                    .transcript = transcript,
                                    .label = (float)i / 4,
                                    .metadata = i == 2 ? "{\"audio\":{\"x\":1}}" : NULL,
                                    .split = i % 3};
        struct valence_clip_rows stream = {0, 2, rows};
        assert_fine(valence_store_writer_add(writer, &clip, &stream, i % 3 > 0, &error));
    }
    assert_fine(valence_store_writer_finish(writer, &error));
    assert_fine(valence_store_writer_close(writer, &error));
}

#endif
