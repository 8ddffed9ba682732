/* The machine that figures were measured on. */
#ifndef VALENCE_MACHINE_H
#define VALENCE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct valence_machine {
    size_t size;            /* sizeof(struct valence_machine); set by the caller */
    char system[256];       /* kernel and architecture: "Linux x86_64" */
    char cpu[256];          /* its name, "unknown" where the system does not tell */
    char instructions[256]; /* sets of vector instructions: "AVX2 FMA AVX512F"; may be "" */
    char compiler[128];     /* that compiled the library */
    int n_cpus;             /* on line */
    int n_cores;            /* that the process may use: valence_default_threads() */
    int64_t memory;         /* bytes, 0 where the system does not tell */
    /* Processes that ran or wanted to, the mean of the last minute; NaN where the system does not
     * tell. Times measured while it is higher than the cores have room for are too long. */
    double load;
};

/* Fills `machine`. Errors: ARGUMENT for NULL, or a size that this version does not know. */
VALENCE_API int valence_machine_describe(struct valence_machine *machine,
                                         struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
