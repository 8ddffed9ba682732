#include "json_output.h"

#include "base/fail.h"

int print_json(json_t *root, struct valence_error *error)
{
    if (!root)
        return fail(error, VALENCE_ERROR_MEMORY,
                    "cannot make the JSON (too little memory, or a name that is not UTF-8)");
    /* A write error stays in stdout's error flag, which main() checks at the end. */
    (void)json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(root);
    putchar('\n');
    return VALENCE_OK;
}
