"""Makes the table of labelled sentences that scripts/default_text_model.sh trains on.

    text_model_data.py SDIST.tar.gz SENTENCES.csv

SDIST is vaderSentiment's source package. Its 23,703 sentences, each rated by people from -4 to 4, are
split by source document: documents whose hash is 0 modulo 10 are the test part, 1 the validation part. The
ratings are multiplied by 0.75, so that they lie in -3 ... 3.

The training part, and it alone, gets more rows:

  lexicon    the words of the package's lexicon, which people rated one by one
  emoji      emoji with the rating of a word or an emoticon of the lexicon, alone, repeated and behind
             sentences of the same sign
  spoken     sentences as speech recognition writes them: no marks, sometimes a word such as "well" or "um" first

Only the Python standard library is needed. The same package gives the same bytes.
"""

import csv
import hashlib
import html
import io
import random
import re
import sys
import tarfile

SOURCES = {"amazon": "amazonReviewSnippets", "movies": "movieReviewSnippets",
           "nyt": "nytEditorialSnippets", "tweets": "tweets"}
SCALE = 0.75

# Each emoji has the rating of the lexicon's entry beside it.
EMOJI = {
    "🙂": ":)", "😀": ":d", "😃": ":d", "😄": "=d", "😁": "grin", "😆": "laughing", "😂": "lol", "🤣": "rofl",
    "😊": "smiling", "☺️": "smiling", "😍": "love", "🥰": "loving", "😘": ":-*", "😎": "cool", "🤗": "hugs",
    "🤩": "amazing", "🥳": "celebrate", "😇": "0:)", "😉": ";)", "😋": "yummy", "😌": "relieved", "👍": "approval",
    "👏": "applause", "🙌": "hooray", "👌": "ok", "💪": "strong", "🎉": "celebrate", "🎊": "celebrate",
    "❤️": "<3", "❤": "<3", "💕": "hearts", "💖": "hearts", "💙": "heart", "💚": "heart", "💛": "heart", "💜": "heart",
    "💯": "perfect", "✨": "sparkle", "🌟": "brilliant", "⭐": "great", "🏆": "winner", "🥇": "winner", "🙏": "grateful",
    "🔥": "awesome", "😐": ":|", "😑": ":-|", "😕": ":/", "🙁": ":(", "☹️": ":(", "😞": "disappointed", "😔": "sad",
    "😟": "worried", "😢": ":'(", "😭": "crying", "😥": "sad", "😩": "weary", "😫": "tired", "😖": "upset", "😣": "upset",
    "😡": ">:(", "😠": "angry", "🤬": "furious", "👿": "angry", "😤": "frustrated", "😒": "annoyed", "🙄": "annoyed",
    "😨": "fear", "😱": "terrified", "😰": "anxious", "🤢": "disgusted", "🤮": "disgusting", "💩": "crap",
    "👎": "dislike", "💔": "heartbroken", "😷": "sick", "🤦": "stupid", "😳": "embarrassed",
}
OPENERS = ["the", "so", "well", "um", "and", "but", "i mean", "you know", "oh", "like", "this"]


def read_package(path):
    """The package's sentences as (source, id, rating, text), and its lexicon as {entry: rating}."""
    with tarfile.open(path) as sdist:
        root = sdist.getnames()[0].split("/")[0]
        read = lambda name: sdist.extractfile(f"{root}/{name}").read()
        lexicon = {}
        for line in read("vaderSentiment/vader_lexicon.txt").decode("utf-8").splitlines():
            entry, rating = line.split("\t")[:2]
            lexicon.setdefault(entry.lower(), float(rating))
        inner = tarfile.open(fileobj=io.BytesIO(read("additional_resources/hutto_ICWSM_2014.tar.gz")))
        sentences = []
        for source, name in SOURCES.items():
            member = next(m for m in inner.getmembers() if m.name.endswith(f"/{name}_GroundTruth.txt"))
            for line in inner.extractfile(member).read().decode("utf-8").splitlines():
                number, rating, text = line.split("\t")
                sentences.append((source, number, float(rating), clean(text)))
    return sentences, lexicon


def clean(text):
    """HTML's character references undone (some twice escaped), quotation marks and spaces unified."""
    text = html.unescape(html.unescape(text)).replace("''", '"')
    return " ".join(text.split())


def part_of(document):
    digit = int(hashlib.sha256(document.encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "validation"}.get(digit, "train")


def spoken(text, rng):
    """The text as speech recognition writes it, or None where little of it is words."""
    words = re.sub(r"[^a-z0-9' ]+", " ", text.lower().replace("’", "'")).split()
    if not words or sum(map(len, words)) < 0.5 * len(text):
        return None
    if rng.random() < 0.5:
        words.insert(0, rng.choice(OPENERS))
    return " ".join(words)


def augment(train, lexicon, rng):
    """More rows for training: (source, id, label, text, group)."""
    rows = [("lexicon", str(i), rating * SCALE, entry, "lexicon")
            for i, (entry, rating) in enumerate(lexicon.items()) if re.fullmatch(r"[a-z' -]{3,}", entry)]
    for i, (emoji, entry) in enumerate(EMOJI.items()):
        label = lexicon[entry] * SCALE
        same = [r for r in train if r[2] * label > 0 and abs(r[2]) > 0.5 and len(r[3]) < 80]
        texts = [(label, emoji), (label * 1.2, emoji * 3)]
        texts += [(r[2], f"{r[3]} {emoji * rng.choice((1, 1, 2, 3))}") for r in rng.sample(same, 8)]
        rows += [("emoji", f"{i}_{j}", max(-3, min(3, y)), text, "emoji") for j, (y, text) in enumerate(texts)]
    for source, number, label, text, document in train:
        if rng.random() < 0.35:
            said = spoken(text, rng)
            if said:
                rows.append(("spoken", f"{source}_{number}", label, said, document))
    return rows


def main():
    package, output = sys.argv[1:]
    sentences, lexicon = read_package(package)
    rng = random.Random(1)
    parts = {"train": [], "validation": [], "test": []}
    for source, number, rating, text in sentences:
        document = f"{source}-{number.split('_')[0]}"
        parts[part_of(document)].append((source, number, rating * SCALE, text, document))
    # A text that validation or test has too is not trained on.
    held_out = {r[3].lower() for r in parts["validation"] + parts["test"]}
    parts["train"] = [r for r in parts["train"] if r[3].lower() not in held_out]
    with open(output, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "split", "label", "group", "transcript"])
        for part, rows in parts.items():
            for source, number, label, text, document in rows:
                table.writerow([f"{source}-{number}", part, f"{label:.4f}", document, text])
        for source, number, label, text, group in augment(parts["train"], lexicon, rng):
            table.writerow([f"{source}-{number}", "train", f"{label:.4f}", group, text])


main()
