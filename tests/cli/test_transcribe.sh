# valence transcribe: what is said of files and models that cannot be transcribed. What a model hears is tested by
# encode/test-transcribe, and by hand with published weights.
. "$TESTS/cli/support.sh"

if ! "$VALENCE" convert whisper "$TESTS/golden/whisper/tiny" -o "$work/tiny.gguf" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "converting failed: $(cat "$work/err")"
    expect 1 transcribe x.wav -m x.gguf
    complains "this build cannot transcribe"
    finish
fi
expect 1 transcribe x.wav -m "$work/tiny.gguf"
complains "has 1808 tokens; published Whisper models have 51864 to 51866"
expect 1 transcribe x.wav -m "$work/none.gguf" --json
complains "none.gguf"
expect 2 transcribe x.wav
complains "--model MODEL is missing"
expect 2 transcribe x.wav -m "$work/tiny.gguf" -f docx
complains "unknown format 'docx'"
expect 2 transcribe x.wav -m "$work/tiny.gguf" --start 5 --end 4
complains "--end is not after --start"
finish
