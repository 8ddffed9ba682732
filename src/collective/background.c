#include "collective/background.h"

static void *run(void *argument)
{
    struct background *background = argument;
    background->status = background->call(background->user, &background->error);
    return NULL;
}

void background_start(struct background *background,
                      int (*call)(void *user, struct valence_error *error), void *user)
{
    *background = (struct background){.call = call, .user = user};
    background->has_thread = pthread_create(&background->thread, NULL, run, background) == 0;
    if (!background->has_thread)
        run(background);
}

int background_finish(struct background *background, struct valence_error *error)
{
    if (background->has_thread)
        pthread_join(background->thread, NULL);
    if (background->status && error)
        *error = background->error;
    return background->status;
}
