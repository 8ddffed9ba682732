#include "train/schedule.h"

#include <math.h>

double schedule_factor(const struct schedule *schedule, int64_t epoch)
{
    if (epoch < schedule->warm_up_epochs)
        return (double)(epoch + 1) / (double)schedule->warm_up_epochs;
    if (schedule->step_every == 0)
        return 1.0;
    return pow(schedule->gamma,
               (double)((epoch + 1 - schedule->warm_up_epochs) / schedule->step_every));
}
