/* The clips that an extraction is to make, from a folder, a file or a table. */
#ifndef VALENCE_EXTRACT_PLAN_H
#define VALENCE_EXTRACT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "extract/extract_config.h"

struct planned_clip {
    char *id, *group;
    char *file;            /* as the table or the folder names it */
    char *path;            /* where it is */
    char *transcript;      /* "" where none is given */
    char *transcript_file; /* where it was read from; NULL: nowhere */
    /* Why the clip cannot be made, where that is known already: a transcript that cannot be read.
     */
    int problem_status;
    char *problem;
    double start, end;
    bool has_range; /* else the whole file, and start is 0 and end INFINITY */
    int64_t bytes;  /* of the file; 0 where there is none */
    double seconds; /* how long it is; of a file that was not opened, by its size */
    enum valence_split split;
    float label; /* NAN: none */
};

struct plan {
    int64_t n, capacity;
    struct planned_clip *clips;
    struct media_found found;
    struct valence_error problem; /* of the first file that could not be opened */
};

/* Lists the clips, cuts long files, and looks at what the files hold as far as `auto` needs it.
 * Free the plan after an error, too. */
int plan_make(struct plan *plan, const struct valence_extract_config *config,
              const struct valence_progress *progress, struct valence_error *error);
void plan_free(struct plan *plan);

/* Clips of the plan that follow each other, which are to be one store. */
struct plan_part {
    int64_t number, of; /* which part, from 1, of how many */
    int64_t first, n;   /* its clips */
};

/* One of parts of as many clips each, as near as it goes. */
struct plan_part plan_even_part(const struct plan *plan, int64_t number, int64_t of);

/* One of the parts that processes take one after the other; `of` is at most the number of clips, so
 * that none is empty. Their sizes fall from the first to the last, as in trapezoid self-scheduling
 * (Tzen and Ni, 1993): what a slow process takes last is small, and nobody waits long for it. */
struct plan_part plan_piece(const struct plan *plan, int64_t number, int64_t of);

/* Adds a clip whose texts it takes over, also on failure. */
int plan_add(struct plan *plan, struct planned_clip *clip, struct valence_error *error);
void planned_clip_free(struct planned_clip *clip);

/* plan_table.c: the rows of a table. */
int plan_read_table(struct plan *plan, const struct valence_extract_config *config,
                    struct valence_error *error);

/* "a/b.mp4" as "a/b", in fresh memory; NULL where memory is short. */
char *path_without_ending(const char *path);

/* Reads the clip's transcript of a file, for its range. A file that cannot be used is the clip's
 * problem, and no error. */
int plan_read_transcript(struct planned_clip *clip, const char *path, struct valence_error *error);

#endif
