/* json-value FILE [KEY ...]: checks that a file is one JSON document and prints the value behind
 * the keys (an array takes an index); the exit code is 1 where it is none or has no such value. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root = argc > 1 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
    if (!root) {
        fprintf(stderr, "not JSON: line %d: %s\n", error.line, error.text);
        return 1;
    }
    const json_t *value = root;
    for (int i = 2; i < argc && value; i++)
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(argv[i]))
                                     : json_object_get(value, argv[i]);
    if (value && argc > 2) {
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
        putchar('\n');
    }
    json_decref(root);
    return value ? 0 : 1;
}
