/* The devices that ggml and llama.cpp compute on. */
#ifndef VALENCE_ENCODE_COMPUTE_BACKEND_H
#define VALENCE_ENCODE_COMPUTE_BACKEND_H

#include <stdbool.h>

#include <ggml-backend.h>

#include "valence/error.h"

/* Loads ggml's back ends, once for the process; call it before anything of ggml, llama.cpp or
 * whisper.cpp. It also takes over their log: nothing is printed, warnings and errors go to
 * valence_set_log()'s receiver, and backend_log() gives the last complaint.
 * Thread-safe. Errors: ERROR_UNSUPPORTED where not even a CPU back end is found beside libggml. */
int backends_load(struct valence_error *error);

/* The first error, else the last warning, that ggml or llama.cpp logged on this thread since
 * backend_log_clear(), "" where there was none. For putting the library's reason into an error's
 * text. */
const char *backend_log(void);
void backend_log_clear(void);

/* Drops what they log on this thread until backend_log_clear(): they call work that was cancelled a
 * failure. */
void backend_log_mute(void);

/* A device by its configured name: "cpu"; "cuda", "vulkan", ... (the first of that kind) or ggml's
 * own name ("CUDA1"); "gpu" for the first that is no CPU. NULL and "" are "cpu". Errors:
 * ERROR_UNSUPPORTED, naming the devices there are. */
int backend_find_device(const char *name, ggml_backend_dev_t *device, struct valence_error *error);

/* Opens a device for computing graphs. Free with ggml_backend_free(). */
int backend_open(ggml_backend_dev_t device, ggml_backend_t *backend, struct valence_error *error);

/* How many threads compute the next graphs, where the device is a CPU. */
void backend_set_threads(ggml_backend_t backend, int n_threads);

/* Where true, graphs may hold own CPU operations (ggml_custom_4d) and read weights in place. */
bool backend_is_cpu(ggml_backend_t backend);

#endif
