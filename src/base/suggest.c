#include "base/suggest.h"

#include "valence/text.h"

#include <string.h>

enum { LONGEST = 64 };

/* Edit distance with neighbours swapped as one edit; words longer than LONGEST are never near. */
static int edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    int rows[3][LONGEST + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *before = rows[(i + 1) % 3], *last = rows[(i - 1) % 3], *now = rows[i % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

void suggest_consider(const char *word, const char *candidate, const char **best, int *distance)
{
    int limit = (int)strlen(word) / 3, found = edit_distance(word, candidate);
    if (found <= (limit > 1 ? limit : 1) && (!*best || found < *distance)) {
        *best = candidate;
        *distance = found;
    }
}

const char *valence_suggest(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    int distance = 0;
    for (int i = 0; i < n; i++)
        suggest_consider(word, names[i], &best, &distance);
    return best;
}

const char *valence_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}
