/* Documents that a report is made of are foreign bytes: each is shown, or refused with a reason;
 * and what is shown is well-formed JSON. */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/document.h"
#include "report/document_json.h"
#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(const struct report_document *document)
{
    char *text = NULL;
    size_t n_bytes;
    struct valence_error error = {0};
    FILE *stream = open_memstream(&text, &n_bytes);
    if (!stream)
        return;
    int status = document_write_json(stream, document, &error);
    if (fclose(stream) != 0)
        abort();
    json_t *json = json_loadb(text, n_bytes, 0, NULL);
    if (!status && !json)
        abort();
    json_decref(json);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[] = "fuzz.json";
    struct document_source source = {.path = name, .name = name};
    struct sources sources = {.n_documents = 1, .documents = &source};
    struct valence_report_options options;
    struct valence_error error = {0};
    const struct report_document *document = NULL;
    source.json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    int status = source.json ? document_recognise(source.json, name, &source.kind, &error)
                             : VALENCE_ERROR_FORMAT;
    if (!status) {
        valence_report_options_default(&options);
        status = report_make_document(&sources, &options, NULL, &document, &error);
        if (status && !error.text[0])
            abort();
    }
    if (document)
        check_json(document);
    report_document_free(document);
    json_decref(source.json);
    return 0;
}
