/* Which files were verified before: hashing a gigabyte, or loading a model in a process of its own,
 * is done once for a file and not at every start.
 *
 * A file is known by its path, size and time of change. A process remembers those that it verified;
 * a memory file does beyond it. That is a text with a line for each:
 *
 *     CHECK SIZE CHANGED PATH        "loads 98362432 1764100000123456789 /models/a.gguf" */
#ifndef VALENCE_MODELS_VERIFIED_FILES_H
#define VALENCE_MODELS_VERIFIED_FILES_H

#include <stdbool.h>

/* `check` is a word: "loads", or "sha256:..." for a file that has this digest. `memory` may be
 * NULL. Both are thread-safe, and processes may share a memory file. */
bool verified_before(const char *memory, const char *path, const char *check);

/* Where it cannot be remembered, the file is verified again next time. */
void verified_remember(const char *memory, const char *path, const char *check);

#endif
