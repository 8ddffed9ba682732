/* The folder of a run: who may write to it, and its files. */
#ifndef VALENCE_RUN_RUN_FOLDER_H
#define VALENCE_RUN_RUN_FOLDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "valence/train.h"

#define RUN_LAST    "last.safetensors"
#define RUN_BEST    "best.safetensors"
#define RUN_LOG     "log.jsonl"
#define RUN_TIMING  "timing.jsonl"
#define RUN_CONFIG  "config.yaml"
#define RUN_RESULTS "results.json"

/* What an experiment's folder has beside the runs in it. */
#define EXPERIMENT_PLAN "plan.json"

#define RUN_PATH_BYTES  1200
#define RUN_EPOCH_BYTES 48

/* "epoch-12.safetensors" in name[RUN_EPOCH_BYTES]: the model of an epoch, from 1. */
const char *run_epoch_name(int64_t epoch, char *name);

struct run_folder {
    char path[RUN_PATH_BYTES];
    int lock;               /* the folder's descriptor, locked while the run is in use */
    bool is_made, is_begun; /* the folder, and the run in it, by run_folder_open() */
};

/* Makes the folder, which must not hold anything, or with `resume` takes the one that is there;
 * locks it, which a killed process cannot leave behind. Errors: EXISTS, NOT_FOUND, BUSY, IO. */
int run_folder_open(struct run_folder *folder, const char *path, bool resume,
                    struct valence_error *error);
void run_folder_close(struct run_folder *folder);

/* Before closing a run that failed: takes away what was begun where no checkpoint, and no seed's
 * folder, came of it. */
void run_folder_abandon(const struct run_folder *folder);

/* ERROR_EXISTS if a new run could not begin, because something is at `path` already. */
int run_folder_check_new(const char *path, struct valence_error *error);

/* "FOLDER/name" in path[RUN_PATH_BYTES]. */
const char *run_folder_file(const struct run_folder *folder, const char *name, char *path);

/* Writes a whole file: the old one or the new one, never half of it. */
int run_folder_write_text(const struct run_folder *folder, const char *name, const char *text,
                          struct valence_error *error);
int run_folder_write_json(const struct run_folder *folder, const char *name, const json_t *value,
                          struct valence_error *error);

/* Opens a log to append to, cut to its first `size` bytes (-1: kept whole). Errors: DATA if it
 * is shorter. */
int run_log_open(const struct run_folder *folder, const char *name, int64_t size, FILE **log,
                 struct valence_error *error);

/* Appends a line, on disk when the call returns; *size is the file's size after it. Takes over
 * `line`. */
int run_log_append(FILE *log, const char *name, json_t *line, int64_t *size,
                   struct valence_error *error);

#endif
