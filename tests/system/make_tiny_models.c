/* make-tiny-models FOLDER: whisper.gguf and faces.gguf with random weights, for scripts. */
#include "tiny_faces.h"
#include "tiny_whisper.h"

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "%s/whisper.gguf", argv[1]);
    tiny_whisper_make(argv[1], path);
    snprintf(path, sizeof path, "%s/faces.gguf", argv[1]);
    tiny_faces_make(path);
    return 0;
}
