#include "encode/compute/backend.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <llama.h>
#include <whisper.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/text.h"

/* ---- The log ---- */

#define COMPLAINT_BYTES 512

static _Thread_local char last_complaint[COMPLAINT_BYTES];
static _Thread_local bool is_error; /* rather than a warning */
static _Thread_local bool is_muted;

/* A line of which pieces have come. */
static _Thread_local struct {
    enum ggml_log_level level;
    char text[COMPLAINT_BYTES];
    size_t length;
} line;

static void end_line(void)
{
    line.text[line.length] = '\0';
    line.length = 0;
    if (!line.text[0])
        return;
    log_line(VALENCE_LOG_WARNING, "%s", line.text);
    if (is_error) /* what follows an error are its consequences */
        return;
    is_error = line.level == GGML_LOG_LEVEL_ERROR;
    memcpy(last_complaint, line.text, sizeof last_complaint);
}

/* Warnings and errors go to the host, line by line. What the libraries say of their progress is for
 * those who work on them, and is dropped. */
static void take_log(enum ggml_log_level level, const char *text, void *user)
{
    (void)user;
    if (is_muted)
        return;
    if (level != GGML_LOG_LEVEL_CONT) {
        if (line.length > 0)
            end_line();
        line.level = level;
    }
    if (line.level != GGML_LOG_LEVEL_WARN && line.level != GGML_LOG_LEVEL_ERROR)
        return;
    for (; *text; text++)
        if (*text == '\n')
            end_line();
        else if (line.length + 1 < sizeof line.text)
            line.text[line.length++] = *text;
}

const char *backend_log(void)
{
    if (line.length > 0)
        end_line();
    return last_complaint;
}

void backend_log_clear(void)
{
    last_complaint[0] = '\0';
    is_error = is_muted = false;
}

void backend_log_mute(void)
{
    is_muted = true;
}

/* ---- Loading ---- */

/* The back ends are modules. Ours lie beside libggml.so, wherever that was moved to; an installed
 * ggml knows its own folder. */
static void load_modules(void)
{
    llama_log_set(take_log, NULL); /* ggml's log too */
    whisper_log_set(take_log, NULL);
    Dl_info library;
    if (dladdr((void *)(uintptr_t)ggml_backend_load_all, &library) != 0) {
        char folder[4096];
        const char *slash = strrchr(library.dli_fname, '/');
        size_t length = slash ? (size_t)(slash - library.dli_fname) : 0;
        if (length > 0 && length < sizeof folder) {
            memcpy(folder, library.dli_fname, length);
            folder[length] = '\0';
            ggml_backend_load_all_from_path(folder);
        }
    }
    if (!ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU))
        ggml_backend_load_all();
    backend_log_clear();
}

int backends_load(struct valence_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load_modules);
    if (!ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU))
        return fail(
            error, VALENCE_ERROR_UNSUPPORTED,
            "ggml has no CPU back end for this processor (its modules libggml-cpu-*.so belong "
            "beside libggml.so)");
    return VALENCE_OK;
}

/* ---- Devices ---- */

static bool device_is(ggml_backend_dev_t device, const char *name)
{
    enum ggml_backend_dev_type type = ggml_backend_dev_type(device);
    if (strcasecmp(name, "cpu") == 0)
        return type == GGML_BACKEND_DEVICE_TYPE_CPU;
    if (strcasecmp(name, "gpu") == 0)
        return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
    return strcasecmp(name, ggml_backend_dev_name(device)) == 0 ||
           strcasecmp(name, ggml_backend_reg_name(ggml_backend_dev_backend_reg(device))) == 0;
}

int backend_find_device(const char *name, ggml_backend_dev_t *device, struct valence_error *error)
{
    *device = NULL;
    int status = backends_load(error);
    if (status)
        return status;
    if (!name || !*name)
        name = "cpu";
    struct text known = {.maximum = 512};
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t candidate = ggml_backend_dev_get(i);
        if (device_is(candidate, name)) {
            *device = candidate;
            text_free(&known);
            return VALENCE_OK;
        }
        text_format(&known, "%s%s", i ? ", " : "", ggml_backend_dev_name(candidate));
    }
    status = fail(error, VALENCE_ERROR_UNSUPPORTED, "unknown device '%s' (available here: %s)",
                  name, known.data ? known.data : "none");
    text_free(&known);
    return status;
}

bool backend_is_cpu(ggml_backend_t backend)
{
    return ggml_backend_dev_type(ggml_backend_get_device(backend)) == GGML_BACKEND_DEVICE_TYPE_CPU;
}

int backend_open(ggml_backend_dev_t device, ggml_backend_t *backend, struct valence_error *error)
{
    backend_log_clear();
    *backend = ggml_backend_dev_init(device, NULL);
    if (!*backend)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "device '%s' cannot be opened: %s",
                    ggml_backend_dev_name(device), backend_log());
    return VALENCE_OK;
}

void backend_set_threads(ggml_backend_t backend, int n_threads)
{
    ggml_backend_dev_t device = ggml_backend_get_device(backend);
    ggml_backend_set_n_threads_t set_n_threads =
        (ggml_backend_set_n_threads_t)(uintptr_t)ggml_backend_reg_get_proc_address(
            ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads");
    if (set_n_threads)
        set_n_threads(backend, n_threads);
}
