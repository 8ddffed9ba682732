#!/usr/bin/env python3
"""scripts/bench_transcribe.py VALENCE WHISPER_CLI MODEL.gguf FILE... [--runs N] [--threads N]: `valence transcribe` beside whisper.cpp's
own command, on the same sound with the same settings (five beams, language detected).

Says whether texts and times are equal, and the time of both: they take turns, so that a load of the machine meets both alike, and
CPU time is beside the time on the clock. Needs NumPy and ffmpeg. WHISPER_CLI is examples/cli of the source that
scripts/fetch_whisper.sh builds from."""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time


def run(command):
    """Seconds on the clock, and of the CPU."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cues(path):
    """Times and texts of an SRT file."""
    with open(path, encoding="utf-8") as file:
        blocks = [block.split("\n") for block in file.read().strip().split("\n\n") if block.strip()]
    return [(lines[1].strip(), " ".join(" ".join(lines[2:]).split())) for lines in blocks]


def figure(values):
    return f"{statistics.median(values):8.2f} ({min(values):.2f} ... {max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split(":")[0])
    parser.add_argument("valence")
    parser.add_argument("whisper_cli")
    parser.add_argument("model")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_whisper_bin.py")
    differing = 0
    with tempfile.TemporaryDirectory() as work:
        model, wav = os.path.join(work, "model.bin"), os.path.join(work, "sound.wav")
        subprocess.run([sys.executable, maker, given.model, model], check=True)
        print(f"load {os.getloadavg()[0]:.1f}, {given.threads} threads, {given.runs} runs: median (least ... most), seconds")
        for path in given.files:
            subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-i", path, "-ar", "16000", "-ac", "1", "-c:a", "pcm_s16le", wav],
                           check=True)
            own, theirs = os.path.join(work, "own.srt"), os.path.join(work, "theirs")
            commands = {"valence": [given.valence, "transcribe", "--quiet", "--force", "-j", str(given.threads), "-m", given.model,
                                    "-f", "srt", "-o", own, wav],
                        "whisper.cpp": [given.whisper_cli, "-t", str(given.threads), "-m", model, "-l", "auto", "-np", "-osrt",
                                        "-of", theirs, "-f", wav]}
            times = {name: [] for name in commands}
            for _ in range(given.runs):
                for name, command in commands.items():
                    times[name].append(run(command))
            found, wanted = cues(own), cues(theirs + ".srt")
            is_equal = found == wanted
            differing += not is_equal
            print(f"\n{os.path.basename(path)}: {len(wanted)} segments, texts and times {'equal' if is_equal else 'DIFFER'}")
            if not is_equal:
                for mine, other in zip(found, wanted):
                    if mine != other:
                        print(f"    {mine}\n    {other}")
            for name, values in times.items():
                print(f"  {name:12} clock {figure([v[0] for v in values])}   CPU {figure([v[1] for v in values])}")
            for i, kind in enumerate(("clock", "CPU")):
                ratios = [a[i] / b[i] for a, b in zip(times["valence"], times["whisper.cpp"])]
                print(f"  {kind} of valence over whisper.cpp's {figure(ratios)}")
    sys.exit(differing > 0)


main()
