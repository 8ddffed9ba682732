/* Other processes, as /proc shows them. */
#ifndef VALENCE_TESTS_PROCESSES_H
#define VALENCE_TESTS_PROCESSES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

/* A process that `parent` started and that has not ended; 0: there is none. */
static inline pid_t child_of(pid_t parent)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    pid_t found = 0;
    while (folder && !found && (entry = readdir(folder))) {
        char path[300], state;
        int process, its_parent;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
        if (file && fscanf(file, "%d (%*[^)]) %c %d", &process, &state, &its_parent) == 3 &&
            its_parent == parent && state != 'Z')
            found = process;
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return found;
}

#endif
