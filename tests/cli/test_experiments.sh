# Experiments from outside: ablate, compare, sweep, runs and verify, their forms, their errors, and kills.
. "$TESTS/cli/support.sh"
store="$work/store"
cd "$work" || exit 1

expect 0 synthesize store --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 --video-width 6 --threads 1 \
    --quiet
small="--set model.d=8 --set model.o=4 --set epochs=2 --set batch_size=16 --threads 2 --jobs 2 --bootstrap 200 --quiet"

# ---- a plan without training
expect 0 ablate store --dry-run
prints "no-cross-attention"
prints "model.fusion=concatenation"
expect 0 ablate store --dry-run --json
fits ablate
expect 0 sweep store --vary losses.cross=0:0.4:0.2 --vary model.d=8,16 --method grid --dry-run
prints "losses.cross=0.4+model.d=16"
prints "7 variants, each with 3 seeds"
expect 0 sweep store --vary optimizer.learning_rate=1e-4:1e-2:*10 --dry-run
prints "optimizer.learning_rate=0.001"

# ---- ablate: figures, forms, the same again, and verified
expect 0 ablate store $small --seeds 2 -o ablation --json --card card.md
fits ablate
json '"ablation"' kind
json '"full"' variants 0 name
json 30 data clips
silent
grep -q "fingerprint of the training" card.md || wrong "the card does not name the data"
cp ablation/result.json first.json
expect 0 ablate store $small --seeds 2 -o ablation --format latex
prints '\toprule'
prints '$\pm$'
cmp -s ablation/result.json first.json || wrong "the same experiment has another result"
expect 0 ablate store $small --seeds 2 -o ablation --format markdown
prints '| variant | MAE |'
expect 0 ablate store $small --seeds 2 -o ablation --format csv
prints 'no-mia,text_missing,mae,'
[ "$(wc -l <"$work/out")" -eq 161 ] || wrong "the table has $(wc -l <"$work/out") lines"
expect 1 ablate store $small --seeds 2 -o ablation --tables forms/new
complains "forms/new: cannot make the folder"
expect 0 ablate store $small --seeds 2 -o ablation --tables forms --format markdown
for form in "txt:mean ± sd" "md:| variant | MAE" "csv:no-mia,text_missing,mae," "tex:toprule" 'json:"valence": "result"'; do
    grep -qF -- "${form#*:}" "forms/ablation.${form%%:*}" || wrong "forms/ablation.${form%%:*} has no '${form#*:}'"
done
cmp -s "$work/out" forms/ablation.md || wrong "--tables and --format write other tables"
expect 0 verify ablation/result.json --quiet
expect 0 runs ablation --json
fits runs
json 32 counts done
sed 's/"mean": [-0-9.e][-0-9.e]*/"mean": 7.5/' first.json >ablation/changed.json
expect 1 verify ablation/changed.json --json --quiet
fits verify
json false same
expect 1 verify store/data.mdb --quiet
expect 0 evaluate ablation/runs/no-rnc store --bootstrap 100 --quiet

# ---- compare: variants, and finished runs
expect 0 compare store $small --seeds 1 -o comparison --variant 'wide model.d=16' --variant 'two losses.rnc=0 losses.rep=0'
prints "one seed says nothing about others"
expect 0 compare ablation/runs/full ablation/runs/no-mia --store store --bootstrap 200 --json --quiet
fits compare
cp "$work/out" compared.json
expect 0 verify compared.json --quiet
expect 0 compare store --model all --dry-run
prints "late-fusion"
prints "9 variants, each with 3 seeds"
expect 0 compare store $small --seeds 2 -o models --model constant --model ridge --model late-fusion --model mult --json
fits compare
json '"base"' variants 0 name
json '"mult"' variants 4 name
expect 0 compare store $small --seeds 2 -o models --model constant --model ridge --model late-fusion --model mult
prints "late-fusion"
expect 0 verify models/result.json --quiet
expect 2 compare store --model rigde --dry-run
complains "did you mean 'ridge'?"
expect 2 compare one two --model ridge
complains "--variant and --model change one configuration or store, not 2 runs"
cp -r ablation/runs/full unfinished
rm unfinished/seed-2/results.json
expect 1 compare ablation/runs/full unfinished --store store --quiet
complains "unfinished/seed-2: its training is not finished"
expect 0 synthesize other --train 60 --validation 20 --test 30 --audio-width 8 --text-width 10 --video-width 6 --threads 1 \
    --quiet --seed 5
expect 1 compare ablation/runs/full ablation/runs/no-mia --store other --quiet
complains "was trained on other data"
expect 2 compare ablation/runs/full ablation/runs/no-mia
complains "--store STORE"
expect 2 compare store
expect 2 compare ablation/runs/full ablation/runs/full/ --store store
complains "this run is given twice"
expect 2 compare ablation/runs/full ablation/runs/no-mia --store store --memory 100
complains "--memory"
for extra in "" "--dry-run"; do
    expect 2 compare store $small --variant 'copy' -o refused $extra
    complains "variant 'copy' sets no key, so it would be a copy of 'base'"
    complains "--variant 'NAME KEY=VALUE ...'"
    expect 2 compare store $small --variant 'usual model.d=8' -o refused $extra
    complains "would be a copy of 'base'"
    [ ! -e refused ] || wrong "a copy of the base leaves a folder"
done

# ---- sweep: validation alone chooses
expect 0 sweep store $small --seeds 2 -o sweep --vary losses.rnc=0:0.8:0.4
prints "chosen by the validation part alone"
expect 0 sweep store $small --seeds 2 -o sweep --vary losses.rnc=0:0.8:0.4 --json
fits sweep
expect 0 sweep store $small --set epochs=6 --seeds 1 -o halving --rungs 2 --vary losses.rnc=0:0.8:0.4
expect 0 runs halving
prints "dropped"

# ---- what is wrong
expect 2 sweep store --vary losses.rmc=0:1:0.5
complains "unknown key 'losses.rmc'; did you mean 'losses.rnc'?"
expect 2 sweep store --vary losses.rnc=1:0:0.5
complains "the range is empty"
expect 2 sweep store --vary losses.rnc
complains "KEY=LOW:HIGH:STEP"
expect 2 sweep store
expect 2 sweep store --vary losses.rnc=0,0
complains "given twice"
expect 2 sweep store --vary losses.rnc=0,1 --vary losses.rnc=0.5
complains "two ranges"
expect 2 sweep store --vary seed=1,2 --dry-run
complains "seed is the same for all variants"
expect 2 sweep store --vary losses.rnc=0,1 --draws 5
complains "--method random"
expect 2 sweep store --vary losses.rnc=0,1 --factor 5
complains "--rungs"
expect 2 sweep store --vary losses.rnc=0,1 --method random --draws 5
complains "give fewer --draws"
expect 2 ablate store --set flows=[complete] --set model.fusion=constant --dry-run
expect 2 ablate store --format word
expect 1 ablate nothing
expect 1 runs nothing
complains "no such file or folder"
expect 1 ablate store $small --set epochs=3 -o ablation
complains "another plan"
complains "--output begins another one"
expect 2 runs ablation --train full
expect 1 runs ablation --train full/seed-9
complains "the plan has no run full/seed-9"
expect 2 compare store --variant 'a/b model.d=8' -o refused
[ ! -e refused ] || wrong "a plan that is refused leaves a folder"
expect 2 compare store --variant 'joined model.fusion=concatenation' -o refused
complains "losses.cross"
expect 2 compare store --variant 'joined model.fusion=concatenation losses.cross=0 model.views=fused' -o refused
complains "makes no sense with model.fusion: concatenation"

# ---- a full disk, which a limit on the size of files resembles
limited() { # limited BLOCKS COMMAND...: files may have that many blocks of 512 bytes
    blocks=$1
    shift
    said="valence $* (files of $blocks blocks)"
    { (ulimit -f "$blocks" && exec "$VALENCE" "$@") 2>&1 </dev/null; echo "exit code $?"; } | cat >"$work/err"
    complains "exit code 1"
    complains "File too large"
}
wide="--set model.d=64 --set model.o=32 --set epochs=2 --seeds 1 --threads 1 --jobs 1 --quiet -o full-disk"
limited 1 compare store $wide --variant 'no-rnc losses.rnc=0'
[ ! -e full-disk ] || wrong "a plan that could not be written leaves a folder"
limited 64 compare store $wide --variant 'no-rnc losses.rnc=0'
complains "run base/seed-1: "
expect 0 runs full-disk
prints "WARNING: base/seed-1 failed: "
expect 0 compare store $wide --variant 'no-rnc losses.rnc=0' --bootstrap 200

# ---- Ctrl-C: everything is saved, and the same command continues
long="store --set model.d=8 --set model.o=4 --set epochs=100000 --seeds 1 --threads 2 --jobs 2 --quiet -o stopped"
"$VALENCE" compare $long --variant 'wide model.d=16' >"$work/out" 2>"$work/err" &
running=$!
while [ ! -s stopped/runs/wide/seed-1/log.jsonl ] && kill -0 "$running" 2>/dev/null; do
    sleep 0.1
done
expect 0 runs stopped
prints "running"
kill -INT "$running"
wait "$running"
[ $? -eq 130 ] || wrong "an interrupted experiment exits with another code than 130"
expect 0 runs stopped --json
json 2 counts stopped
json 0 counts running
[ -s stopped/runs/wide/seed-1/last.safetensors ] || wrong "an interrupted run is not saved"

# ---- an experiment that was never disturbed, and one whose scheduler and workers are killed
mkdir calm wild
plan="../store --set model.d=8 --set model.o=4 --set epochs=12 --set batch_size=16 --seeds 2 --threads 2 --jobs 2 --quiet
      --bootstrap 200 -o experiment"
(cd calm && "$VALENCE" compare $plan --variant 'wide model.d=12' >/dev/null) || wrong "the calm experiment fails"
python3 - "$VALENCE" $plan --variant 'wide model.d=12' <<'KILLS' || wrong "the killed experiment does not end"
import os, random, signal, subprocess, sys, time
os.chdir("wild")
random.seed(3)


def workers(scheduler):
    """Processes whose parent is the scheduler."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == scheduler:
                    found.append(int(name))
        except OSError:
            pass
    return found


command = [sys.argv[1], "compare", *sys.argv[2:]]
for kill in range(6):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(random.uniform(0.3, 1.2))
    victims = [process.pid] if kill % 2 else workers(process.pid)[:1]
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except OSError:
            pass
    if kill % 2 == 0:
        time.sleep(0.3)
        process.kill()
    process.wait()
sys.exit(subprocess.run(command, stdout=subprocess.DEVNULL).returncode)
KILLS
cmp -s calm/experiment/result.json wild/experiment/result.json || wrong "kills change the result"
for file in best.safetensors last.safetensors log.jsonl results.json; do
    cmp -s calm/experiment/runs/wide/seed-2/$file wild/experiment/runs/wide/seed-2/$file || wrong "kills change $file"
done
finish
