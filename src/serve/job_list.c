#include "serve/job_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"

int job_list_add(struct serve_jobs *jobs, const struct job_facts *facts,
                 struct valence_error *error)
{
    struct kept_job *job = malloc(sizeof *job);
    int status = job ? grow_array((void **)&jobs->all, &jobs->capacity, jobs->n + 1,
                                  sizeof(struct kept_job *), jobs->maximum + 1, "jobs", error)
                     : fail_memory(error, sizeof *job, "a job");
    if (status) {
        free(job);
        return status;
    }
    *job = (struct kept_job){.facts = *facts, .turn = jobs->turns.shortest};
    int64_t at = jobs->n++;
    for (; at > 0 && jobs->all[at - 1]->facts.created > facts->created; at--)
        jobs->all[at] = jobs->all[at - 1];
    jobs->all[at] = job;
    return VALENCE_OK;
}

struct kept_job *job_list_find(const struct serve_jobs *jobs, const char *id, size_t n)
{
    for (int64_t i = 0; i < jobs->n; i++)
        if (n == JOB_ID_BYTES - 1 && strncmp(jobs->all[i]->facts.id, id, n) == 0 &&
            !jobs->all[i]->is_deleted)
            return jobs->all[i];
    return NULL;
}

struct kept_job *job_list_next(const struct serve_jobs *jobs)
{
    for (int64_t i = 0; i < jobs->n; i++)
        if (!jobs->all[i]->facts.ended)
            return jobs->all[i];
    return NULL;
}

int64_t job_list_expiry(const struct serve_jobs *jobs, const struct kept_job *job)
{
    return job->facts.ended ? job->facts.ended + (int64_t)(jobs->keep_seconds * 1e3)
                            : job->facts.created + (int64_t)(jobs->wait_seconds * 1e3);
}

bool job_list_is_over(const struct serve_jobs *jobs, const struct kept_job *job)
{
    return unix_milliseconds() >= job_list_expiry(jobs, job);
}

void job_list_take(struct serve_jobs *jobs, struct kept_job *job)
{
    int64_t at = 0;
    while (jobs->all[at] != job)
        at++;
    memmove(&jobs->all[at], &jobs->all[at + 1],
            (size_t)(jobs->n - at - 1) * sizeof(struct kept_job *));
    jobs->n--;
    job->next = NULL;
}

struct kept_job *job_list_take_expired(struct serve_jobs *jobs)
{
    struct kept_job *taken = NULL;
    for (int64_t i = jobs->n - 1; i >= 0; i--) {
        struct kept_job *job = jobs->all[i];
        if (!job->facts.ended || !job_list_is_over(jobs, job))
            continue;
        job_list_take(jobs, job);
        job->next = taken;
        taken = job;
    }
    return taken;
}

void job_list_remove(const struct serve_jobs *jobs, struct kept_job *taken)
{
    for (struct kept_job *next; taken; taken = next) {
        next = taken->next;
        job_files_remove(jobs->folder, taken->facts.id);
        free(taken);
    }
}
