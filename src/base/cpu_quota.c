#include "base/cpu_quota.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PATH_BYTES 4096

/* The first line of a small file without its newline; false if it cannot be read. */
static bool read_line(const char *path, char *line, int room)
{
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, room, file);
    if (file)
        fclose(file);
    if (read)
        line[strcspn(line, "\n")] = '\0';
    return read;
}

static bool read_number(const char *folder, const char *name, long long *number)
{
    char path[PATH_BYTES + 32], line[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_line(path, line, sizeof line) && parse_int64(line, number);
}

/* ---- One group ---- */

/* CPUs that the group in `folder` has, 0 if it says nothing. */
static double quota_v2(const char *folder)
{
    char path[PATH_BYTES + 32], line[64], *period;
    long long quota, length;
    snprintf(path, sizeof path, "%s/cpu.max", folder);
    if (!read_line(path, line, sizeof line) || !(period = strchr(line, ' ')))
        return 0;
    *period++ = '\0'; /* "max 100000" has no number before it */
    return parse_int64(line, &quota) && parse_int64(period, &length) && quota > 0 && length > 0
               ? (double)quota / (double)length
               : 0;
}

static double quota_v1(const char *folder)
{
    long long quota, length;
    return read_number(folder, "cpu.cfs_quota_us", &quota) &&
                   read_number(folder, "cpu.cfs_period_us", &length) && quota > 0 && length > 0
               ? (double)quota / (double)length
               : 0;
}

/* ---- The process's group and those above it ---- */

/* The least quota from `group`, "/a/b", up to the root of the hierarchy at `mount`. Inside a
 * container the path may be that of the host, of which only the root is to be seen. */
static double least_quota(const char *mount, const char *group, double (*quota_of)(const char *))
{
    char folder[PATH_BYTES];
    double least = 0;
    size_t root = strlen(mount);
    if (strstr(group, "..") || root + strlen(group) >= sizeof folder)
        group = "";
    snprintf(folder, sizeof folder, "%s%s", mount, group);
    for (;;) {
        double quota = quota_of(folder);
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
        char *slash = strrchr(folder + root, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Whether "cpu" is one of the controllers "cpu,cpuacct". */
static bool has_cpu(const char *controllers)
{
    for (const char *at = controllers;; at += strcspn(at, ",") + 1) {
        if (strcspn(at, ",") == 3 && strncmp(at, "cpu", 3) == 0)
            return true;
        if (!strchr(at, ','))
            return false;
    }
}

/* A line of /proc/self/cgroup, "0::/path" or "4:cpu,cpuacct:/path". */
static double quota_of_line(const char *root, char *line)
{
    static const char *const mounts[] = {"cpu,cpuacct", "cpu"};
    char mount[PATH_BYTES], *controllers = strchr(line, ':');
    char *group = controllers ? strchr(++controllers, ':') : NULL;
    double least = 0;
    if (!group)
        return 0;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (controllers[0] == '\0') {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        return least_quota(mount, group, quota_v2);
    }
    for (size_t i = 0; has_cpu(controllers) && i < sizeof mounts / sizeof mounts[0] && !least;
         i++) {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/%s", root, mounts[i]);
        least = least_quota(mount, group, quota_v1);
    }
    return least;
}

int cpu_quota(const char *root)
{
    char path[PATH_BYTES], line[PATH_BYTES];
    double least = 0;
    snprintf(path, sizeof path, "%.*s/proc/self/cgroup", PATH_BYTES - 32, root);
    FILE *groups = fopen(path, "re");
    while (groups && fgets(line, sizeof line, groups)) {
        double quota = quota_of_line(root, line);
        if (quota > 0 && (least == 0 || quota < least))
            least = quota;
    }
    if (groups)
        fclose(groups);
    if (least == 0)
        return 0;
    return least < 1 ? 1 : least > 65536 ? 65536 : (int)least;
}
