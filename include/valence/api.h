/* What every public header needs: how a name leaves the library, and which version the header is
 * of.
 *
 * What holds in all headers, where a function does not say otherwise:
 *
 * - Functions that can fail return 0 or a negative enum valence_status, and take a struct
 *   valence_error last, which may be NULL. What they hand out through a pointer is NULL, or empty,
 *   on failure.
 * - Options begin with their size; set them with their _options_default() function, then change
 *   what you need. NULL means the defaults. No pointer in them is kept after the call, and a
 *   program that was compiled with an older header may pass shorter ones.
 * - Progress may be NULL.
 * - What is created, opened, loaded or made is yours, and freed by the _free() or _close() function
 *   of its type, which takes NULL. What `const` pointers point to belongs to the object that gave
 *   it, and lives as long as that.
 * - Paths and texts are UTF-8 and end in a NUL. Times are in seconds, rates in Hz, sizes in bytes;
 *   samples are floats of full scale 1, pixels bytes of RGB; arrays are row-major, their shape in
 *   parentheses: (T, D) is T rows of D columns.
 * - Objects behind `const` pointers may be read by several threads at once. Others are used by one
 *   thread at a time; different objects are independent of each other. */
#ifndef VALENCE_API_H
#define VALENCE_API_H

/* Compare with valence_version_number(), the version of the library that is linked. */
#define VALENCE_VERSION_MAJOR 0
#define VALENCE_VERSION_MINOR 2
#define VALENCE_VERSION_PATCH 0
#define VALENCE_VERSION_NUMBER                                                                     \
    (VALENCE_VERSION_MAJOR * 10000 + VALENCE_VERSION_MINOR * 100 + VALENCE_VERSION_PATCH)

/* The library is built with hidden visibility: what is marked is exported, and nothing else. */
#if defined(__GNUC__)
#define VALENCE_API __attribute__((visibility("default")))
#else
#define VALENCE_API
#endif

/* The size of the arrays of names, valence_..._names[]; entries after the last name are NULL. The
 * size stays when a name is added, so that programs that were linked before keep working. */
#define VALENCE_MAX_NAMES 16

#endif
