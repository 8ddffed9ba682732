/* The kinds of an export, and what they share. */
#ifndef VALENCE_EXCHANGE_EXPORT_H
#define VALENCE_EXCHANGE_EXPORT_H

#include "format/elements.h"
#include "valence/export.h"

/* What a writer of one kind is given. */
struct export
{
    const struct valence_store *store;
    const char *target;
    const struct valence_progress *progress; /* may be NULL */
    unsigned flags;                          /* enum file_write_flags */
    struct valence_export_result *result;    /* left_out is the writer's to set */
};

int export_npy(const struct export *export, struct valence_error *error);
int export_safetensors(const struct export *export, struct valence_error *error);
int export_mmsa(const struct export *export, struct valence_error *error);
int export_npz(const struct export *export, struct valence_error *error);

/* How a stream's elements are called in files. */
enum element_type export_type(const struct valence_store_stream *stream);

#endif
