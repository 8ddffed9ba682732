# Arguments that are something else than a command reads: every error says what is at the path, which command reads that, and
# where the wanted thing comes from.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1

expect 0 synthesize store --train 40 --validation 20 --test 20 --audio-width 4 --text-width 5 --video-width 3 --threads 1 --quiet
small="--set model.d=4 --set model.o=2 --set epochs=1 --threads 1 --quiet"
expect 0 train store $small -o run
expect 0 compare store $small --seeds 1 --jobs 1 --bootstrap 100 -o experiment --variant 'wide model.d=6'
expect 0 evaluate run store --bootstrap 100 --quiet --json
cp "$work/out" measured.json
printf 'RIFF\044\0\0\0WAVEfmt ' >clip.wav
printf 'noise' >noise.bin
mkdir empty

# refuses THING WANTED COMMAND...: the command fails at THING, says what it is, and what it wanted.
things="store run experiment result media model json missing empty"
path_of() {
    case $1 in
    result) echo experiment/result.json ;;
    media) echo clip.wav ;;
    model) echo run/best.safetensors ;;
    json) echo measured.json ;;
    *) echo "$1" ;;
    esac
}
found_of() {
    case $1 in
    store) echo "store: this is a store, not " ;;
    run) echo "run: this is a run, not " ;;
    experiment) echo "experiment: this is an experiment, not " ;;
    result) echo "experiment/result.json: this is an experiment's result, not " ;;
    media) echo "clip.wav: this is a sound, picture or video, not " ;;
    model) echo "run/best.safetensors: this is a model file, not " ;;
    json) echo "measured.json: this is what a command printed with --json, not " ;;
    missing) echo "missing: no such file or folder" ;;
    empty) echo "empty: this is an empty folder, not " ;;
    esac
}
use_of() {
    case $1 in
    store) echo "'valence train store' trains on it" ;;
    run) echo "run/config.yaml is its configuration" ;;
    experiment) echo "'valence runs experiment' shows it" ;;
    result) echo "'valence verify experiment/result.json' computes it again" ;;
    media) echo "'valence extract clip.wav -o STORE' makes features of it" ;;
    model) echo "'valence inspect run/best.safetensors' describes it" ;;
    json) echo "'valence report measured.json' shows it" ;;
    esac
}
# refuses WORKING ORIGIN BEFORE [AFTER]: 'valence BEFORE THING AFTER' with every thing but the WORKING ones.
refuses() {
    for thing in $things; do
        case " $1 " in *" $thing "*) continue ;; esac
        expect 1 $3 "$(path_of $thing)" ${4-}
        complains "$(found_of $thing)"
        complains "$(use_of $thing)"
        complains "$2"
        [ "$(wc -l <"$work/err")" -le 3 ] || wrong "'$said' says too much"
    done
}
stores="'valence import', 'valence extract' and 'valence synthesize' make stores"
runs="'valence train STORE' makes a run"
results="results are result.json in an experiment's folder"

refuses "result json" "$results" verify
expect 0 verify measured.json --quiet
refuses "experiment" "'valence ablate', 'valence compare' and 'valence sweep' make experiments" runs
refuses "store" "$stores" doctor
refuses "store run model" "'valence inspect' shows stores, runs, model files" inspect
refuses "run experiment" "$runs" export-log
refuses "run experiment result json" "reports show runs, experiments" report "-o page.html"
refuses "run model" "$runs" evaluate store
# the others find the same out in the same way
things="experiment media missing"
refuses "store" "$stores" "export" "arrays --form npy"
refuses "store" "$stores" "merge store" "-o merged"
refuses "store" "$stores" "evaluate run"
refuses "store" "$stores" "predict run"
refuses "store" "$stores" "compare-representations run"
refuses "run model" "$runs" predict store
refuses "run model" "$runs" compare-representations store
refuses "run model" "$runs" "evaluate run store --against"
refuses "run" "$runs" "train --resume"
refuses "run model" "$runs" "train store -o new --from"
refuses "store" "$stores" "train -o new --store"
refuses "run model" "$runs" "compare run" "--store store"
for command in "train -o new" cost "ablate --dry-run" "sweep --dry-run --vary losses.rnc=0,1" "compare --model ridge --dry-run"; do
    expect 1 $command run
    complains "run: this is a run, not a store"
    complains "$stores"
    expect 1 $command clip.wav
    complains "clip.wav: this is a sound, picture or video, not a store or a configuration"
    complains "with --print-config it prints a configuration to start from"
    expect 2 $command noise.bin
    complains "with --print-config it prints a configuration to start from"
done
if "$VALENCE" encode prosody --help >/dev/null 2>&1; then
    things="store result empty"
    for command in score "extract -o new" transcribe; do
        refuses "" "name sound or video files, or a folder that holds some" "$command"
    done
    expect 1 serve --model store --port 0
    complains "store: this is a store, not a run or a model file"
    ! grep -q "http://" "$work/err" || wrong "serve prints its address before it has looked for its model"
    expect 1 serve --model missing --port 0
    complains "missing: no such file or folder"
    ! grep -q "http://" "$work/err" || wrong "serve prints its address before it has looked for its model"
fi
for new in new merged arrays page.html; do
    [ ! -e "$new" ] || wrong "a refused argument leaves $new"
done
expect 2 compare-representations run store --missing audio,text,video
complains "name one or two of audio, text and video"

# ---- a table where a store, a run or a configuration is read, an empty one too
printf 'file,label\na.wav,1\n' >clips.csv
: >empty.csv
for table in clips.csv empty.csv; do
    for command in "train -o new" cost "ablate --dry-run" doctor "evaluate run" "predict run" "merge -o merged"; do
        expect 1 $command $table
        complains "$table: this is a table, not a store"
        complains "'valence extract $table -o STORE' makes features of its recordings"
    done
    expect 1 evaluate $table store
    complains "$table: this is a table, not a run or a model file"
    [ ! -e new ] && [ ! -e merged ] || wrong "a refused table leaves something"
done

# ---- something that nothing is known of keeps the library's word on it
expect 1 evaluate noise.bin store
complains "noise.bin: "
complains "$runs"
expect 1 verify noise.bin
complains "noise.bin:1: this is not JSON"
complains "$results"
mkdir other && touch other/file
expect 1 verify other
complains "other: this is a folder, not a result file"
expect 1 doctor other
complains "no store here"
complains "$stores"
finish
