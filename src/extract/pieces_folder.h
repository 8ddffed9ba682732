/* The folder in which several processes share the pieces of one extraction.
 *
 *   FOLDER/pieces.json   what the pieces are made of (struct pieces_record); every process that
 *                        works on them holds a shared lock on it
 *   FOLDER/join.lock     locked by the process that compares or writes this record
 *   FOLDER/N             piece N, a store, from 1
 *   FOLDER/N.lock        locked by the process that makes the piece
 *   FOLDER/N.done        there when the piece is finished
 *   FOLDER/merge.lock    locked by the process that merges the pieces
 *
 * All locks are flock(): the system releases those of a process that dies. The process that merges
 * renames the folder first, so that nobody sees half of it. */
#ifndef VALENCE_EXTRACT_PIECES_FOLDER_H
#define VALENCE_EXTRACT_PIECES_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "extract/extraction.h"

struct pieces_folder {
    char *path;
    int record; /* the open record, with its lock; -1: none */
};

enum pieces_entry {
    PIECES_BEGIN,   /* joins the processes that work there; if there are none, makes the folder */
    PIECES_REPLACE, /* the same, but removes pieces of something else, and replaces OUTPUT */
    PIECES_JOIN     /* the first rank has made the folder */
};

/* Makes OUTPUT.pieces, or joins the processes that work there. *is_there: OUTPUT is finished and
 * not to be replaced, so no folder was made. The pieces must have been begun with the same number,
 * clips, settings and encoders: otherwise ERROR_DATA, key "overwrite", names what differs. With
 * PIECES_REPLACE such pieces are removed instead, and ERROR_BUSY says that a process still works on
 * them. NOT_FOUND: the first rank's folder is on another disk. Close after a failure, too. */
int pieces_folder_open(struct pieces_folder *folder, const char *output,
                       const struct extraction *extraction, int64_t n_pieces, enum pieces_entry how,
                       bool *is_there, struct valence_error *error);
void pieces_folder_close(struct pieces_folder *folder);

/* The name of a piece's file ("", ".lock", ".done") in fresh memory; NULL if memory is short. */
char *pieces_folder_name(const struct pieces_folder *folder, int64_t piece, const char *ending);

/* Locks a piece. *lock is -1 where another process has it (unless `waiting`), or where the piece is
 * finished, or the folder is gone; else the caller makes the piece, and closes *lock. */
int pieces_folder_take(const struct pieces_folder *folder, int64_t piece, bool waiting, int *lock,
                       struct valence_error *error);

/* Marks a piece as finished. */
int pieces_folder_mark_done(const struct pieces_folder *folder, int64_t piece,
                            struct valence_error *error);

/* Waits for the right to merge. *lock is -1 where another process has merged. */
int pieces_folder_begin_merge(const struct pieces_folder *folder, int *lock,
                              struct valence_error *error);

/* Removes the folder, once merged. */
int pieces_folder_remove(const struct pieces_folder *folder, struct valence_error *error);

#endif
