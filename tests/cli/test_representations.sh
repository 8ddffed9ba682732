# compare-representations from outside: its forms, its files, its errors.
. "$TESTS/cli/support.sh"
cd "$work" || exit 1
expect 0 synthesize store --train 40 --validation 16 --test 24 --audio-width 8 --text-width 10 --video-width 6 --threads 1 \
    --quiet
expect 0 train store -o run --seeds 2 --set epochs=2 --set model.d=8 --set model.o=4 --threads 1 --quiet

# ---- tables
expect 0 compare-representations run store --quiet
silent
prints "text_missing: distances of 24 test clips to complete clips, mean ± sd over the models"
prints "cross output    after"
prints "principal component 1"
prints "The data are synthetic."
expect 0 compare-representations run store --quiet --missing audio,video --format markdown
prints "| video | cross output | after |"
prints "was not trained with the flow audio\\_video\\_missing"
expect 0 compare-representations run store --quiet --format csv
[ "$(wc -l <"$work/out")" -eq 196 ] || wrong "the table has $(wc -l <"$work/out") lines" # 1 + 4 * 8 * 6 + 3
prints "text,cross,after,all,ratio,"
expect 0 compare-representations run store --quiet --format latex
prints '\bottomrule'
COLUMNS=80 expect 0 compare-representations run store --quiet
[ "$(awk '{ if (length > most) most = length } END { print most }' "$work/out")" -le 90 ] || # bytes: ± is two
    wrong "the table is wider than 80 columns"

# ---- JSON
expect 0 compare-representations run store --quiet --json
fits compare-representations
json 24 data clips
json '"cross"' maps 3 at
json '"after"' maps 3 mia
expect 0 compare-representations run/seed-1 store --quiet --json --grid 4 --max-clips 10 --split train
fits compare-representations
json 10 data clips
json 30 data left_out beyond
json null maps 0 ratio sd
python3 -c 'import json, sys; maps = json.load(open(sys.argv[1]))["maps"]; sys.exit(len(maps[0]["grid"][3]) != 4)' "$work/out" ||
    wrong "the grid is not 4 x 4"

# ---- files
expect 0 compare-representations run store --quiet --npy maps --csv tables
[ "$(ls maps | wc -l)" -eq 9 ] || wrong "a folder of maps holds $(ls maps)"
[ "$(wc -l <maps/clips.csv)" -eq 25 ] || wrong "clips.csv has not a row for each clip"
[ "$(head -n 1 tables/text-cross-after.csv | tr ',' '\n' | wc -l)" -eq 24 ] || wrong "a map has not 24 columns"
expect 1 compare-representations run store --quiet --npy maps
complains "already exists"

# ---- what is wrong
expect 2 compare-representations run
expect 2 compare-representations run store --missing words
complains "choose one of: audio, text, video"
expect 2 compare-representations run store --missing audio,text,video
complains "name one or two of audio, text and video"
expect 2 compare-representations run store --grid 4
complains "--grid needs --json"
expect 2 compare-representations run store --max-clips 1
expect 1 compare-representations nothing store
expect 0 train store -o ridge --model ridge --threads 1 --quiet
expect 1 compare-representations ridge store --quiet
complains "no representations to compare"
finish
