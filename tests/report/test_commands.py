#!/usr/bin/env python3
"""test_commands.py VALENCE: runs the commands that a report prints, in a folder with the same runs and the same store, and
compares what they write with what the report was made of. The commands that made it set every option away from its default."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

ALONE = ["--jobs", "1", "--threads", "1"]  # the number of threads shows in the last digits of what is trained
SMALL = [word for key in ("epochs=1", "model.d=16", "model.o=8") for word in ("--set", key)]


def run(valence, folder, *arguments, output=None):
    with open(os.path.join(folder, output) if output else os.devnull, "w", encoding="utf-8") as file:
        subprocess.run([valence, arguments[0], "--quiet", *arguments[1:]], cwd=folder, check=True, stdout=file, env={**os.environ, "OMP_NUM_THREADS": "1"})


def make_results(valence, folder):
    """Documents in files, and the folders of experiments."""
    run(valence, folder, "synthesize", "corpus", "--train", "40", "--validation", "30", "--test", "40")
    run(valence, folder, "train", "corpus", "-o", "run", "--seeds", "2", *SMALL)
    run(valence, folder, "train", "corpus", "-o", "it's another", *SMALL)
    one, store = ["run/seed-1", "corpus"], ["--store", "corpus"]
    made = {
        "evaluate.json": ["evaluate", "run", *store, "--split=validation", "--flow", "all", "--scale", "sims", "--bootstrap", "30",
                          "--seed", "4", "--level", "0.8", "--batch", "7", "--label-map", "x/4", "--max-rows", "5"],
        "ensemble.json": ["evaluate", "--ensemble", "--against", "it's another", "--bootstrap", "20", "--", "run", "corpus"],
        "protocol.json": ["evaluate", *one, "--protocol", "erase,noise,replace-words", "--rates", "0,0.5", "--noise", "0.5", "--noisy",
                          "audio", "--noise-kind", "hybrid", "--replaced-by", "unknown", "--erased", "remove", "--mask-seed", "3",
                          "--keep-text-ends", "--padded-rows", "audio=90,text=90,video=90", "--max-rows", "80", "--bootstrap", "25"],
        "predict.json": ["predict", *one, "--split", "test", "--flow", "text_missing", "--level", "0.7", "--batch", "9"],
        "maps.json": ["compare-representations", *one, "--missing", "audio", "--split", "train", "--grid", "5", "--max-clips", "30"],
        "compare.json": ["compare", "run", "it's another", *store, "--bootstrap", "150"],
        "-doctor.json": ["doctor", "corpus"],  # a name that looks like an option
        "cost.json": ["cost", "corpus", "--no-encoders", "--no-baselines", "--seconds", "0.01", "--set", "model.d=24", "--split",
                      "validation", "--batch", "5", "--threads", "1"],
    }
    for file, arguments in made.items():
        run(valence, folder, arguments[0], "--json", *arguments[1:], output=file)
    folders = {
        "comparison": ["compare", "corpus", "--variant", "no-rnc losses.rnc=0 losses.rep=0", "--model", "ridge"],
        "sweep": ["sweep", "corpus", "--vary", "losses.rnc=0", "--vary", "losses.rep=0:0.2:0.2"],
    }
    for output, arguments in folders.items():
        run(valence, folder, *arguments, "-o", output, "--seed", "3", "--seeds", "1", "--bootstrap", "120", *ALONE, *SMALL)
    return list(made), list(folders)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def without_times(value):
    """What a second measurement of the costs must give again."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items()
                if not any(word in key for word in ("second", "load", "ms", "rate", "memory", "per_s", "_us", "time", "peak"))}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def main(valence):
    with tempfile.TemporaryDirectory(prefix="valence-commands-") as work:
        first, again, bin_folder = (os.path.join(work, name) for name in ("first", "again", "bin"))
        os.mkdir(first)
        os.mkdir(bin_folder)
        os.symlink(valence, os.path.join(bin_folder, "valence"))
        files, folders = make_results(valence, first)
        run(valence, first, "report", "--level", "0.8", "--title", "It's a title", "--json", "--", "run", *files, *folders, output="report.json")
        shutil.copytree(first, again, ignore=lambda _, names: [name for name in names if name in files + folders])
        items = [item for section in read(first, "report.json")["sections"] if section["id"] == "made" for item in section["items"]]
        commands, configurations = [], {}
        for before, item in zip([None, *items], items):
            if item["kind"] == "command":
                commands.append(item["text"])
            elif item["kind"] == "code" and "the command below reads from " in before["text"]:
                configurations[before["text"].split("the command below reads from ")[1].rstrip(":")] = item["text"]
        for name, text in configurations.items():
            with open(os.path.join(again, name), "w", encoding="utf-8") as file:
                file.write(text)
        path = bin_folder + os.pathsep + os.environ["PATH"]
        verified = [command for command in commands if command.startswith("valence verify ")]
        made = [command for command in commands if command not in verified]
        assert len(verified) == 1 + len(folders), verified
        for command in [*made[1:], *verified]:
            print(command, flush=True)
            trains = command.endswith(tuple(folders))
            subprocess.run(["sh", "-c", " ".join([command, *ALONE]) if trains else command], cwd=again, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"})
        for file in [*files, *(f"{folder}/result.json" for folder in folders)]:
            clean = without_times if file == "cost.json" else lambda value: value
            assert clean(read(again, file)) == clean(read(first, file)), f"{file} is another one"
        print(made[0], flush=True)
        report = subprocess.run(["sh", "-c", made[0] + " --json --quiet"], cwd=again, check=True, stdout=subprocess.PIPE,
                                env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}).stdout
        for was, now in zip(read(first, "report.json")["sections"], json.loads(report)["sections"]):
            if was["id"] != "cost":  # which has been measured anew
                different = [(one, other) for one, other in zip(was["items"], now["items"]) if one != other]
                assert not different and len(was["items"]) == len(now["items"]), f"another report: {str(different)[:2000]}"
    print("every command gives the same again")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
