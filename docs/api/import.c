/* Imports padded arrays (an .npz file, or a folder of .npy files) into a store and says what was
 * taken and left out.
 *
 *     cc import.c $(pkg-config --cflags --libs valence) -o import && ./import features.npz store */
#include <stdio.h>
#include <valence/import.h>

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_import_options options;
    static struct valence_import_result result = {.size = sizeof result};
    if (argc != 3) {
        fprintf(stderr, "usage: import ARRAYS STORE\n");
        return 2;
    }
    valence_import_options_default(&options);
    options.trim_zeros = true; /* rows of zeros at the end of a clip are padding */
    int status =
        valence_import(VALENCE_IMPORT_DENSE, argv[1], argv[2], &options, NULL, &result, &error);
    printf("%lld clips taken\n", (long long)result.n_taken);
    for (int i = 0; i < valence_n_skips(); i++)
        if (result.skipped[i].n)
            printf("%lld left out: %s\n", (long long)result.skipped[i].n, valence_skip_text(i));
    for (int i = 0; i < result.n_notes; i++)
        printf("note: %s\n", result.notes[i].text);
    if (status)
        fprintf(stderr, "import: %s\n", error.text);
    return status ? 1 : 0;
}
