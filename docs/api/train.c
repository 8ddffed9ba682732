/* Trains on a store with settings that suit it and prints a line an epoch. With options.resume set
 * it would go on with an interrupted run.
 *
 *     cc train.c $(pkg-config --cflags --libs valence) -o train && ./train STORE RUN [EPOCHS] */
#include <stdio.h>
#include <valence/train.h>

static int print_epoch(void *user, const struct valence_train_epoch *epoch)
{
    (void)user;
    printf("epoch %lld of %lld: validation MAE", (long long)epoch->epoch,
           (long long)epoch->n_epochs);
    for (int i = 0; i < epoch->n_flows; i++)
        printf(" %.3f (%s)", epoch->validation_mae[i], valence_flow_name(epoch->flows[i]));
    printf("\n");
    return 0; /* anything else stops the training */
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_train_config *config = NULL;
    struct valence_train_options options;
    if (argc < 3) {
        fprintf(stderr, "usage: train STORE RUN [EPOCHS]\n");
        return 2;
    }
    valence_train_options_default(&options);
    options.epoch = print_epoch;
    int status = valence_train_config_create(&config, &error);
    if (!status)
        status = valence_train_config_for_store(config, argv[1], &error);
    if (!status)
        status = valence_train_config_set(config, "output", argv[2], &error);
    if (!status && argc > 3)
        status = valence_train_config_set(config, "epochs", argv[3], &error);
    if (!status)
        status = valence_train(config, &options, NULL, &error);
    if (status)
        fprintf(stderr, "train: %s\n", error.text);
    valence_train_config_free(config);
    return status ? 1 : 0;
}
