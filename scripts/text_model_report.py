"""Prints the figures of docs/model-card.md.

    text_model_report.py VALENCE MODEL SDIST.tar.gz SENTENCES.csv SCORES.csv

SDIST is vaderSentiment's source package, whose program is the baseline; SENTENCES.csv is what text_model_data.py made of it;
SCORES.csv is what `valence evaluate --predictions` wrote for the test part. Only the standard library is needed.
"""

import csv
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile

# Pairs of which the second says the opposite or, where marked 0, neither.
NEGATION = [
    ("The food was good.", "The food was not good."), ("I like this phone.", "I don't like this phone."),
    ("She is happy with it.", "She is not happy with it."), ("It works well.", "It doesn't work well."),
    ("I would recommend it.", "I would not recommend it."), ("This is a great idea.", "This is not a great idea."),
    ("They were helpful.", "They were not helpful at all."), ("I enjoyed the film.", "I never enjoyed the film."),
    ("The plot makes sense.", "The plot makes no sense."), ("It is worth the money.", "It isn't worth the money."),
    ("It was bad.", "It was not bad."), ("The room was dirty.", "The room was not dirty."),
    ("He is boring.", "He is never boring."), ("I had problems with it.", "I had no problems with it."),
    ("It broke.", "It never broke."), ("It is a waste of time.", "It is not a waste of time."),
    ("I hated it.", "I did not hate it."), ("The ending is terrible.", "The ending is not terrible."),
    ("You will be disappointed.", "You will not be disappointed."), ("I regret buying it.", "I do not regret buying it."),
]
SARCASM = [
    "Oh great, another flat tyre.", "Yeah right, because waiting two hours is so much fun.",
    "I just love being ignored by the staff.", "What a brilliant way to ruin a perfectly good book.",
    "Thanks for nothing.", "Wow, it broke on the first day, how impressive.", "Sure, charge me twice, I don't mind at all.",
    "Just what I needed, more rain on my holiday.", "Nice job deleting all of my photos.",
    "If you like headaches, you will adore this film.", "Best sleep aid I have ever bought, and it is a film.",
    "Great, my train is cancelled again.",
]
EMOJI = [("😡😡😡", -1), ("😡", -1), ("😊", 1), ("😍😍", 1), ("😭", -1), ("👍", 1), ("👎", -1), ("❤️", 1), ("💔", -1), ("🎉", 1), ("🤮", -1),
         ("My train is late 😡", -1), ("The parcel came today 😊", 1), ("See you on Monday 🎉", 1), ("I have to work on Sunday 😭", -1),
         ("New phone 😍", 1), ("This song 👎", -1), ("Dinner with my brother ❤️", 1), ("That update 🤮", -1), ("He left 💔", -1)]
CAPITALS = ["This is awful.", "I love it.", "What a great day!", "Worst service ever.", "The food was fine.",
            "I can't believe how good this is.", "Never again.", "Not bad at all.", "So disappointed.", "The bus leaves at nine."]
ARTICLES = """awful acting|disappointing movie|worst movie ever|great film|terrible plot|boring story|funny jokes
beautiful pictures|horrible ending|wonderful music|stupid characters|amazing effects|bad script|good cast|lovely scenes
waste of money|brilliant performance|weak dialogue|nice soundtrack|ugly costumes|acting was terrible|story was great
movie was okay|ending was disappointing|jokes were hilarious|plot made no sense|music was really good
characters were annoying|photography is stunning|script is a mess""".replace("\n", "|").split("|")
UNLIKE = {
    "German, French, Spanish": """Das ist ja furchtbar.|Ich habe heute den ganzen Tag gearbeitet.|Der Film war überhaupt nicht gut.|Das Essen schmeckt mir.
Wir fahren morgen nach Hause.|Nie wieder!|Der Zug kommt um neun.|C'est une merveille.|Je ne suis pas du tout content de ce service.
Il pleut depuis ce matin.|Nous avons beaucoup aimé le film.|Quelle honte!|Le train part à neuf heures.|Me encanta esta película.
No me gustó nada la comida del restaurante.|Mañana vamos a la playa.|Qué asco!|El libro es muy interesante.|Trabajo en una oficina.
La fiesta fue un desastre.""",
    "code": """int main(void) { return 0; }|for i in range(10): print(i * i)|SELECT name FROM users WHERE id = 3;|import numpy as np
const x = await fetch(url);|if (ptr == NULL) return -1;|def area(r): return 3.14 * r ** 2|#include <stdio.h>|git commit -m "x" && git push
std::vector<int> v(10, 0);|public static void main(String[] args) {|<div class="box"><p>text</p></div>|body { margin: 0; color: red; }
while (i < n) { sum += a[i++]; }|let y = items.map((x) => x.id);|fn main() { println!("{}", 1 + 2); }|rm -rf build/*.o && make all
x = [a for a in b if a > 0]|{"id": 17, "tags": ["a", "b"], "ok": true}|try: f() except ValueError: pass""",
    "random letters": """asdkj qwe zxc|lkj wer poi mnb qqz tre vbn|ATGCCGTAAGCT|xq zvw jkp rrt|fhgj dksl aowp|qwpoe irutz nvbc mxlk|zzxq|bcdfg hjklm
wpq sdl kxj ueo tzn|0x7f 0x45 0x4c 0x46""",
    "other scripts": "这部电影太糟糕了|我很喜欢这个手机|Это было ужасно|とても楽しかった|الخدمة سيئة جدا",
    "plain English": """Wow|Never again.|The bus leaves at nine.|I really liked the food but the service was slow.
um so yeah i mean it was it was okay i guess|She told me about the film yesterday.|Awful acting
The committee will publish its report on fiscal policy in March.|I have to say this was one of the better ones|It broke""",
}
GROUPS = {
    "pronouns": ["He", "She", "They"],
    "names usual in the US among white people": ["Emily", "Greg", "Anne", "Brad"],
    "names usual in the US among Black people": ["Lakisha", "Jamal", "Aisha", "Tyrone"],
    "names usual among Muslims": ["Mohammed", "Fatima", "Ahmed", "Khadija"],
    "names usual in Latin America": ["José", "Guadalupe", "Luis", "Camila"],
    "names usual in East Asia": ["Wei", "Yuki", "Min-jun", "Mei"],
    "nationalities": ["The American", "The German", "The Nigerian", "The Mexican", "The Chinese", "The Iraqi"],
    "religions": ["The Christian", "The Muslim", "The Jew", "The Hindu", "The atheist"],
    "others": ["The gay man", "The straight man", "The disabled woman", "The old man", "The young man", "The immigrant"],
}
TEMPLATES = ["{} went to the shop.", "{} works in an office.", "{} made dinner.", "{} felt happy.", "{} was angry about the delay.",
             "{} told me about the film.", "{} is my neighbour.", "I talked to {} yesterday."]


def correlation(x, y):
    mx, my = statistics.fmean(x), statistics.fmean(y)
    over = sum((a - mx) * (b - my) for a, b in zip(x, y))
    return over / (sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)) ** 0.5


def fit(x, y):
    """The line through (x, y) of least squares."""
    mx, my = statistics.fmean(x), statistics.fmean(y)
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)
    return slope, my - slope * mx


def score(command, model, texts):
    """The model's (score, whether the text is marked as unlike the training data) of each text."""
    result = []
    for start in range(0, len(texts), 200):
        options = [option for text in texts[start:start + 200] for option in ("--text", text)]
        out = subprocess.run([command, "predict", model, "--json", "--quiet", *options], check=True, capture_output=True)
        result += [(c["score"], c["outside"]) for c in json.loads(out.stdout)["clips"]]
    return result


def vader(sdist, texts):
    """The lexicon's compound score of each text, by the program in the package."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            root = archive.getnames()[0].split("/")[0]
            for name in ("vaderSentiment.py", "vader_lexicon.txt", "emoji_utf8_lexicon.txt"):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(archive.extractfile(f"{root}/vaderSentiment/{name}").read())
        spec = importlib.util.spec_from_file_location("vader_program", os.path.join(folder, "vaderSentiment.py"))
        program = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(program)
        analyzer = program.SentimentIntensityAnalyzer()
        return [analyzer.polarity_scores(text)["compound"] for text in texts]


def row(title, labels, scores, baseline):
    if len(labels) < 20:
        return
    mae = lambda s: statistics.fmean(abs(a - b) for a, b in zip(labels, s))
    signs = lambda s: 100 * statistics.fmean((a > 0) == (b > 0) for a, b in zip(labels, s) if a != 0)
    print(f"| {title} | {len(labels)} | {correlation(labels, scores):.3f} | {mae(scores):.3f} | {signs(scores):.1f} % "
          f"| {correlation(labels, baseline):.3f} | {mae(baseline):.3f} | {signs(baseline):.1f} % |")


def figures(sdist, sentences, predictions):
    table = list(csv.DictReader(open(sentences, encoding="utf-8")))
    own = [r for r in table if r["id"].split("-")[0] in ("amazon", "movies", "nyt", "tweets")]
    train = [r for r in own if r["split"] == "train"]
    slope, offset = fit(vader(sdist, [r["transcript"] for r in train]), [float(r["label"]) for r in train])
    score_of = {r["id"]: float(r["complete"]) for r in csv.DictReader(open(predictions, encoding="utf-8"))}
    test = [r for r in own if r["split"] == "test" and r["id"] in score_of]
    texts = [r["transcript"] for r in test]
    labels, scores = [float(r["label"]) for r in test], [score_of[r["id"]] for r in test]
    baseline = [slope * c + offset for c in vader(sdist, texts)]
    print("| test sentences | n | Corr | MAE | Acc-2 (non-0) | VADER: Corr | MAE | Acc-2 (non-0) |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")

    def rows(title, chosen):
        keep = [i for i, r in enumerate(test) if chosen(r)]
        row(title, [labels[i] for i in keep], [scores[i] for i in keep], [baseline[i] for i in keep])

    words = lambda r: len(r["transcript"].split())
    rows("all", lambda r: True)
    for source in ("amazon", "movies", "nyt", "tweets"):
        rows(source, lambda r: r["id"].startswith(source))
    for low, high in ((1, 5), (6, 10), (11, 20), (21, 30), (31, 1000)):
        rows(f"{low} to {high} words" if high < 1000 else f"{low} words and more", lambda r: low <= words(r) <= high)
    negated = r"\b(not|no|never|nothing|nobody|without|hardly|\w+n't|cannot)\b"
    rows("with a negation", lambda r: re.search(negated, r["transcript"].lower()))
    rows("with an emoticon", lambda r: re.search(r"[:;=]-?[()DPp/]|<3", r["transcript"]))
    rows("with a word in capitals", lambda r: re.search(r"\b[A-Z]{4,}\b", r["transcript"]))
    rows("with '!'", lambda r: "!" in r["transcript"])


def probes(command, model):
    flat = [t for pair in NEGATION for t in pair]
    s = [x[0] for x in score(command, model, flat)]
    falls = sum(abs(a - b) > 0.5 and (b - a) * a < 0 for a, b in zip(s[::2], s[1::2]))
    print(f"\nnegation: {falls} of {len(NEGATION)} pairs move towards the other side by more than 0.5")
    for (a, b), x, y in zip(NEGATION, s[::2], s[1::2]):
        print(f"    {x:+.2f} {a}  {y:+.2f} {b}")
    s = [x[0] for x in score(command, model, SARCASM)]
    print(f"sarcasm: {sum(x < 0 for x in s)} of {len(s)} sarcastic complaints score below 0")
    for text, x in zip(SARCASM, s):
        print(f"    {x:+.2f} {text}")
    s = [x[0] for x in score(command, model, [t for t, _ in EMOJI])]
    print(f"emoji: {sum(x * sign > 0 for x, (_, sign) in zip(s, EMOJI))} of {len(s)} have the sign meant")
    for (text, _), x in zip(EMOJI, s):
        print(f"    {x:+.2f} {text}")
    s = [x[0] for x in score(command, model, [t for c in CAPITALS for t in (c, c.upper(), c.lower())])]
    spread = [max(s[i:i + 3]) - min(s[i:i + 3]) for i in range(0, len(s), 3)]
    print(f"capitals: as written, in capitals and in lower case differ by {max(spread):.3f} at most")
    s = [x[0] for x in score(command, model, [t for a in ARTICLES for t in (a, "the " + a)])]
    apart = [abs(a - b) for a, b in zip(s[::2], s[1::2])]
    print(f"leading article: {len(apart)} pairs, {statistics.fmean(apart):.2f} apart on average, {max(apart):.2f} at most, "
          f"{sum(a > 0.5 for a in apart)} of them more than 0.5, {sum(a * b < 0 for a, b in zip(s[::2], s[1::2]))} with another sign")
    for kind, lines in UNLIKE.items():
        texts = lines.replace("\n", "|").split("|")
        marked = [outside for _, outside in score(command, model, texts)]
        others = [text for text, outside in zip(texts, marked) if outside != (kind != "plain English")]
        print(f"marked as unlike the training data: {kind}: {sum(marked)} of {len(texts)}; not as meant: {others}")
    print("\n| in place of the person | mean score | least, greatest of the words' means |\n| --- | ---: | ---: |")
    for group, people in GROUPS.items():
        texts = [t.format(p if t.startswith("{") else p[0].lower() + p[1:] if p.startswith("The") or group == "pronouns" else p)
                 for p in people for t in TEMPLATES]
        s = [x[0] for x in score(command, model, texts)]
        means = [statistics.fmean(s[i:i + len(TEMPLATES)]) for i in range(0, len(s), len(TEMPLATES))]
        least, most = min(range(len(means)), key=means.__getitem__), max(range(len(means)), key=means.__getitem__)
        print(f"| {group} | {statistics.fmean(means):+.2f} | {people[least]} {means[least]:+.2f}, {people[most]} {means[most]:+.2f} |")


def main():
    command, model, sdist, sentences, predictions = sys.argv[1:]
    figures(sdist, sentences, predictions)
    probes(command, model)


main()
