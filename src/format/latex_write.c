#include <string.h>

#include "valence/text.h"

/* What LaTeX would take for something else. */
static const struct {
    const char *text, *latex;
} latex[] = {{"±", "$\\pm$"},
             {"−", "$-$"},
             {"\\", "\\textbackslash{}"},
             {"&", "\\&"},
             {"%", "\\%"},
             {"$", "\\$"},
             {"#", "\\#"},
             {"_", "\\_"},
             {"{", "\\{"},
             {"}", "\\}"},
             {"~", "\\textasciitilde{}"},
             {"^", "\\textasciicircum{}"},
             {"<", "$<$"},
             {">", "$>$"},
             {"*", "$^{*}$"},
             {"…", "\\dots{}"}};

void valence_write_latex(FILE *stream, const char *text)
{
    while (*text) {
        size_t i = 0, n = sizeof latex / sizeof latex[0];
        while (i < n && strncmp(text, latex[i].text, strlen(latex[i].text)) != 0)
            i++;
        if (i < n) {
            fputs(latex[i].latex, stream);
            text += strlen(latex[i].text);
        } else {
            fputc(*text == '\n' ? ' ' : *text, stream);
            text++;
        }
    }
}
