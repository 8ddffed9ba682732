#!/usr/bin/env python3
"""scripts/experiment_summary.py FOLDER: what the experiments in FOLDER/tables show, and what they do not.

A part is said to help only if the test part shows it: p < 0.05 after Holm's correction for all tests of its table. Else the
sentence gives the interval and the smallest difference that this test part would have shown.
"""
import json
import os
import sys

ALPHA = 0.05
FLOW_NAMES = {"complete": "with all modalities", "text_missing": "without text"}


def read(folder, name):
    path = os.path.join(folder, "tables", name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def flow_name(flow):
    return FLOW_NAMES.get(flow, "in the flow " + flow)


def difference(cell):
    return f"{cell['difference']:+.3f} ({cell['low']:+.3f} … {cell['high']:+.3f})"


def is_shown(cell):
    return cell["p_holm"] is not None and cell["p_holm"] < ALPHA


def compared(result, title):
    """Each variant less the first, by MAE; a star where Holm's p is below 0.05."""
    first, *others = (variant for variant in result["variants"] if "flows" in variant)
    flows = list(result["detectable"])
    verdicts = {flow: {"worse": [], "better": []} for flow in flows}
    print(f"\n{title}: MAE less that of '{first['name']}', with its 95 % interval; * p < 0.05 after Holm's correction")
    print(f"  {'':24s}" + "".join(f"{flow_name(flow):28s}" for flow in flows))
    for variant in others:
        line = f"  {variant['name']:24s}"
        for flow in flows:
            cell = variant["flows"][flow]["mae"]
            if cell.get("low") is None:
                line += f"{'-':28s}"
                continue
            line += f"{difference(cell) + (' *' if is_shown(cell) else ''):28s}"
            if is_shown(cell):
                verdicts[flow]["worse" if cell["difference"] > 0 else "better"].append(variant["name"])
        print(line.rstrip())
    for flow in flows:
        for word, names in verdicts[flow].items():
            print(f"  Shown to be {word} {flow_name(flow)}: {', '.join(names) or 'nothing'}")
        print(f"  A difference of {result['detectable'][flow]['mae']:.3f} {flow_name(flow)} would be found in four of five cases: what is smaller "
              "is open, not absent.")


def swept(result):
    curves = {}
    for variant in result["variants"][1:]:
        key, value = variant["name"].split("=", 1)
        curves.setdefault(key, []).append((float(value), variant["validation_mae"]))
    base = result["variants"][0]["validation_mae"]
    print(f"\nWeights of the losses: validation MAE, mean of the flows; {base['mean']:.3f} with the configuration's own")
    for key, points in curves.items():
        spread = max(mean["mean"] for _, mean in points) - min(mean["mean"] for _, mean in points)
        deviation = sorted(mean["sd"] or 0 for _, mean in points)[len(points) // 2]
        values = ", ".join(f"{value:g}: {mean['mean']:.3f} ± {mean['sd'] or 0:.3f}" for value, mean in sorted(points))
        verdict = ("varies less than its seeds: no sweet spot is shown" if spread < 2 * deviation else
                   f"best at {min(points, key=lambda point: point[1]['mean'])[0]:g}")
        print(f"  {key} {verdict} ({values})")
    best = next((v for v in result["variants"] if v["name"] == result.get("best")), None)
    if best and best is not result["variants"][0] and "flows" in best:
        for flow, metrics in best["flows"].items():
            cell = metrics["mae"]
            print(f"  {best['name']}, which the validation part chooses, {flow_name(flow)} on the test part: {difference(cell)}, "
                  + ("shown" if is_shown(cell) else "not shown"))


def mapped(maps):
    print("\nMaps of the missing text: distance to the same complete clip over that to others; 1 says nothing about the clip")
    for at in maps["maps"]:
        ratio = at["ratio"]
        if ratio["mean"] is not None:
            print(f"  {at['at']} {at['mia']} MIA: {ratio['mean']:.3f} ± {ratio['sd'] or 0:.3f}")


def main(folder):
    ablation, models, sweep = read(folder, "ablation.json"), read(folder, "comparison.json"), read(folder, "sweep.json")
    result = ablation or models or sweep
    if not result:
        sys.exit(f"{folder}/tables holds no results")
    seeds = len(result["variants"][0]["models"])
    print(f"Summary: {result['data']['clips']} test clips of {result['data']['recordings']} recordings, {seeds} seeds"
          + ("; SYNTHETIC data: this says nothing about people" if result["data"]["synthetic"] else ""))
    if ablation:
        compared(ablation, "Parts removed")
    if models:
        compared(models, "Models")
    if sweep:
        swept(sweep)
    maps = read(folder, "maps.json")
    if maps:
        mapped(maps)


main(sys.argv[1])
