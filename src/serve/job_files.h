/* What is kept of a job, in a folder of its own, FOLDER/ID/:
 *
 *   form.json    the request: its texts, and which files are its uploads; when it came
 *   0, 1, ...    the uploads
 *   journal/     what is finished (struct valence_scorer_options, journal_folder)
 *   started      a byte for each time that the scoring began and the server then died
 *   result       the answer's body; with
 *   result.json  its status and type, and when it was made: the job is done
 *
 * The folder appears when it is complete. A job that has no form.json is removed. */
#ifndef VALENCE_SERVE_JOB_FILES_H
#define VALENCE_SERVE_JOB_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http.h"
#include "valence/error.h"

#define JOB_ID_BYTES 33 /* 32 hexadecimal digits */

/* Of a job, apart from its form. Times are milliseconds since 1970. */
struct job_facts {
    char id[JOB_ID_BYTES];
    int64_t created, ended; /* ended 0: it is not done */
    double seconds;         /* of the recording; NAN: not known */
    int status;             /* of the result */
};

/* Makes the folder. `folder` is that of all jobs. Errors: IO, DISK_FULL; MEMORY. */
int job_files_make(const char *folder, const struct job_facts *facts, const struct http_form *form,
                   struct valence_error *error);

/* Reads a job's facts. Errors: NOT_FOUND, FORMAT; IO; MEMORY. */
int job_files_read(const char *folder, const char *id, struct job_facts *facts,
                   struct valence_error *error);

/* Reads its form with open uploads; form_free() it. Errors: as above. */
int job_files_read_form(const char *folder, const char *id, struct http_form *form,
                        struct valence_error *error);

/* The job is done: keeps the reply, and removes everything else but form.json. */
int job_files_finish(const char *folder, struct job_facts *facts, const struct http_reply *reply,
                     struct valence_error *error);

/* The reply that was kept; its body is the open file. Errors: as job_files_read(). */
int job_files_open_result(const char *folder, const struct job_facts *facts,
                          struct http_reply *reply, struct valence_error *error);

/* Counts that the scoring begins, and gives how often it began before and the server died; the
 * second takes that back, since the scoring ended in good order. */
int job_files_begin(const char *folder, const char *id);
void job_files_end(const char *folder, const char *id);

/* The bytes of what is finished of a job that is not done: more than before where it advanced. */
int64_t job_files_kept_bytes(const char *folder, const char *id);

/* Nothing is left. */
void job_files_remove(const char *folder, const char *id);

/* After this, a server that starts removes it: for a job that is still being scored. */
void job_files_forget(const char *folder, const char *id);

#endif
