/* Configuration files are foreign bytes: any of them is read or refused, and what is accepted
 * prints and reads back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/train_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_train_config config, again;
    struct valence_error error;
    char *yaml = malloc(size + 1);
    if (!yaml)
        return 0;
    memcpy(yaml, data, size);
    yaml[size] = '\0';
    train_config_defaults(&config);
    int status = train_config_parse(yaml, size, "fuzz.yaml", &config, &error);
    if (status && !error.text[0])
        abort();
    train_config_defaults(&config);
    if (valence_train_config_set(&config, yaml, &error) == 0 ||
        train_config_parse(yaml, size, "fuzz.yaml", &config, &error) == 0) {
        char *text = valence_train_config_text(&config, true);
        train_config_defaults(&again);
        if (text && (train_config_parse(text, strlen(text), "again.yaml", &again, &error) ||
                     memcmp(config.store, again.store, sizeof config.store) != 0 ||
                     config.learning_rate != again.learning_rate))
            abort();
        free(text);
    }
    free(yaml);
    return 0;
}
