#!/usr/bin/env python3
"""scripts/speech_beams.py VALENCE SHARED [--folder FOLDER] [--every N] [--beams 1,2,5] [--threads N]

Word errors of speech recognition by the width of the beam search, on recordings whose words are known: EmoDB (SHARED/data/emodb,
ten German sentences in seven emotions), and the GRID commands and the Spanish review of SHARED/data/media. `--every 4` takes every fourth
clip of EmoDB. The language is given, and Silero's voice activity detection cuts the sound, as in `valence extract`.

EmoDB's copies end after 2.0 s, often within the sentence. So a clip's errors are the fewest over all beginnings of its sentence, and that
beginning's words are counted. Case, punctuation and accents do not count, figures are written as words. Prints errors, words and their
ratio with its 95 % interval (bootstrap over clips), the paired difference from the widest beam, and CPU time.

FOLDER keeps the transcripts; those that are there are not made again."""
import argparse
import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import unicodedata

import numpy as np

EMODB = {"a01": "Der Lappen liegt auf dem Eisschrank", "a02": "Das will sie am Mittwoch abgeben",
         "a04": "Heute Abend könnte ich es ihm sagen",
         "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück",
         "a07": "In sieben Stunden wird es soweit sein", "b01": "Was sind denn das für Tüten die da unter dem Tisch stehen",
         "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
         "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
         "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
         "b10": "Die wird auf dem Platz sein wo wir sie immer hinlegen"}
GRID = ({"b": "bin", "l": "lay", "p": "place", "s": "set"}, {"b": "blue", "g": "green", "r": "red", "w": "white"},
        {"a": "at", "b": "by", "i": "in", "w": "with"}, {}, {"z": "zero"}, {"a": "again", "n": "now", "p": "please", "s": "soon"})
FIGURES = {"de": "null eins zwei drei vier fünf sechs sieben acht neun", "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
           "en": "zero one two three four five six seven eight nine"}


def words(text, language):
    text = re.sub(r"\d", lambda match: f" {FIGURES[language].split()[int(match.group())]} ", text.lower())
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return re.findall(r"[a-z]+", "".join(c for c in text if not unicodedata.combining(c)))


def errors(said, heard):
    """Fewest changes from each beginning of `said` to all of `heard`: a list by the beginning's length."""
    row = list(range(len(heard) + 1))
    found = [row[-1]]
    for i, word in enumerate(said, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
        found.append(row[-1])
    return found


def sets(shared, every):
    """(name, language, whether the end may be missing, [(file, what is said)])"""
    with open(os.path.join(shared, "data/emodb/labels.csv"), encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    clips = sorted((os.path.join(shared, "data/emodb", row["file"]), EMODB[row["sentence"]]) for row in table)
    yield "EmoDB", "de", True, clips[::every]
    media = os.path.join(shared, "data/media")
    grid = []
    for name in sorted(os.listdir(media)):
        if re.fullmatch(r"[a-z]{4}[0-9z][a-z]\.mpg", name):
            spoken = [letters.get(c, c) for letters, c in zip(GRID, name)]
            grid.append((os.path.join(media, name), " ".join(spoken)))
    yield "GRID", "en", False, grid
    with open(os.path.join(media, "moud_101_movies.csv"), encoding="utf-8") as file:
        said = " ".join(row["transcription"].replace(":", "") for row in csv.DictReader(file, delimiter=";"))
    yield "review", "es", False, [(os.path.join(media, "moud_101_movies.mp4"), said)]


def transcribe(given, name, language, beams, clips):
    folder = os.path.join(given.folder, f"{name}-{beams}")
    os.makedirs(folder, exist_ok=True)
    target = {path: os.path.join(folder, os.path.splitext(os.path.basename(path))[0] + ".json") for path, _ in clips}
    todo = [path for path, _ in clips if not os.path.exists(target[path])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if todo:
        output = folder if len(todo) > 1 else target[todo[0]]
        subprocess.run([given.valence, "transcribe", "-q", "--force", "-j", str(given.threads), "--vad", "silero-vad", "-l", language,
                        "--beams", str(beams), "-f", "json", "-o", output, *todo], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    heard = []
    for path, _ in clips:
        with open(target[path], encoding="utf-8") as file:
            heard.append(json.load(file)["text"])
    return heard, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) if todo else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("valence")
    parser.add_argument("shared")
    parser.add_argument("--folder")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--beams", default="1,2,5")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    kept = given.folder or tempfile.TemporaryDirectory()
    given.folder = kept if given.folder else kept.name
    random = np.random.default_rng(1)
    widths = [int(n) for n in given.beams.split(",")]
    for name, language, is_cut, clips in sets(given.shared, given.every):
        counts = {}
        print(f"{name}: {len(clips)} clips")
        for beams in sorted(widths, reverse=True):
            heard, seconds = transcribe(given, name, language, beams, clips)
            table = []
            for (_, said), text in zip(clips, heard):
                found = errors(words(said, language), words(text, language))
                n = min(range(len(found)), key=lambda i: (found[i], -i)) if is_cut else len(found) - 1
                table.append((found[n], n))
            counts[beams] = np.array(table)
            draws = random.integers(0, len(clips), (2000, len(clips)))
            rates = [counts[beams][draw].sum(0) for draw in draws]
            low, high = np.quantile([e / max(n, 1) for e, n in rates], (0.025, 0.975))
            e, n = counts[beams].sum(0)
            line = f"  {beams} beams: {e} errors in {n} words, {100 * e / n:.1f} % ({100 * low:.1f} ... {100 * high:.1f})"
            widest = counts[max(widths)]
            if beams != max(widths) and len(clips) > 1:
                def rate(table, draw):
                    return table[draw, 0].sum() / max(table[draw, 1].sum(), 1)
                low, high = np.quantile([rate(counts[beams], d) - rate(widest, d) for d in draws], (0.025, 0.975))
                line += f", {100 * (e / n - widest[:, 0].sum() / widest[:, 1].sum()):+.1f} points ({100 * low:+.1f} ... {100 * high:+.1f})"
            print(line + (f", {seconds:.0f} s of CPU time" if seconds else ""))


if __name__ == "__main__":
    sys.exit(main())
