/* Inside the HDF5 reader: what calls libhdf5. It runs in a process of its own (hdf5_process.h),
 * which ends without closing anything. */
#ifndef VALENCE_FORMAT_HDF5_READER_H
#define VALENCE_FORMAT_HDF5_READER_H

#include "format/byte_source.h"
#include "format/hdf5.h"

struct hdf5_reader;

/* These are hdf5.h's functions. `source` must outlive the reader; where it is a file, `path` leads
 * to it. */
int hdf5_reader_open(const struct byte_source *source, const char *path,
                     struct hdf5_reader **reader, struct valence_error *error);
int hdf5_reader_list(const struct hdf5_reader *reader, const struct hdf5_path *path,
                     struct hdf5_names *names, struct valence_error *error);
int hdf5_reader_read(const struct hdf5_reader *reader, const struct hdf5_path *path, size_t maximum,
                     struct hdf5_dataset *dataset, struct valence_error *error);

#endif
