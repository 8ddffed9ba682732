/* Jobs: recordings that take long, which clients leave here and come back for (docs/serve.md). In
 * src/http, a job is the work of a request whose client waits; here, nobody does.
 *
 * The list is in memory, under a lock of its own; what must outlive the server is in the folder
 * (job_files.h). The worker's thread accepts and scores; any thread answers and removes. */
#ifndef VALENCE_SERVE_JOBS_H
#define VALENCE_SERVE_JOBS_H

#include "serve/serve.h"

/* Opens the folder with what an earlier server left in it. Errors: BUSY where another server uses
 * it; IO, DISK_FULL; MEMORY. */
int serve_jobs_open(struct valence_server *server, struct valence_error *error);
void serve_jobs_close(struct serve_jobs *jobs);

/* On the worker's thread: makes the request a job where its recording is long, and fills the reply
 * with 202, or with why that cannot be. False: it is to be scored at once. */
bool serve_job_accept(struct valence_server *server, const struct http_form *form,
                      const struct serve_settings *settings, struct http_reply *reply);

/* As struct http_service has it: removes what has expired, and scores the oldest job. */
double serve_jobs_idle(void *server);

/* As struct http_route has it: GET and DELETE /v1/jobs/ID, GET /v1/jobs/ID/result. */
bool serve_job_answer(void *server, const struct http_form *form, void **settings,
                      struct http_reply *reply);
bool serve_job_delete(void *server, const struct http_form *form, void **settings,
                      struct http_reply *reply);

#endif
