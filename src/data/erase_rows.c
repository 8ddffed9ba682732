#include "data/erase_rows.h"

const char *const valence_erasure_names[VALENCE_MAX_NAMES] = {"zero", "remove"};
