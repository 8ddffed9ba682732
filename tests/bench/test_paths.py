#!/usr/bin/env python3
"""test_paths.py BUILD: bench/paths.py measures a path and keeps what it measured; it and bench/quantised.py compare results of one
machine alone."""
import json
import os
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench")


def call(program, *arguments):
    return subprocess.run([sys.executable, f"{BENCH}/{program}", *arguments], capture_output=True, text=True)


def write(name, result):
    with open(name, "w") as file:
        json.dump(result, file)
    return name


def check(done, code, *texts):
    said = done.stdout + done.stderr
    assert done.returncode == code, f"ended with {done.returncode}, not {code}:\n{said}"
    for text in texts:
        assert text in said, f"does not say '{text}':\n{said}"


def test_a_path_is_measured(build):
    check(call("paths.py", "run", build, "out.json", "--only", "train-f32", "--rounds", "2", "--threads", "1", "--batch", "2",
               "--steps", "1"), 0, "| train-f32 | train |", "| train-f32 | evaluate |")
    with open("out.json") as file:
        result = json.load(file)
    assert result["machine"]["cpu"] and result["machine"]["cpus"] >= 1
    assert (result["threads"], result["batch"], result["steps"]) == (1, 2, 1)
    values = {row["what"]: row["values"] for row in result["results"]}
    assert all(len(each) == 2 and min(each) > 0 for each in values.values()), values
    return result


def test_results_are_compared(result):
    slower = json.loads(json.dumps(result))
    for row in slower["results"]:
        row["values"] = [value / 2 for value in row["values"]]
    after = write("after.json", result)
    check(call("paths.py", "compare", write("before.json", slower), after), 0, "2.00 x")
    seconds = {**result, "results": [{"path": "media", "what": "sound", "unit": "s", "values": [4]}]}
    fewer = {**result, "results": [{"path": "media", "what": "sound", "unit": "s", "values": [2]}]}
    check(call("paths.py", "compare", write("seconds.json", seconds), write("fewer.json", fewer)), 0, "2.00 x")


def test_other_machines_are_refused(result):
    other = {**result, "machine": {**result["machine"], "cpu": "another processor"}}
    check(call("paths.py", "compare", write("one.json", result), write("other.json", other)), 1, "different machines",
          "another processor")
    check(call("paths.py", "compare", "one.json", write("more.json", {**result, "threads": 9})), 1, "threads")
    quantised = {"machine": result["machine"], "threads": 1, "rounds": 1, "products": [], "encoders": []}
    check(call("quantised.py", "show", write("q1.json", quantised)), 0)
    check(call("quantised.py", "show", "q1.json", write("q2.json", {**quantised, "machine": other["machine"]})), 1,
          "different machines")


def test_what_is_not_there_is_named(build):
    check(call("paths.py", "run", build, "none.json", "--only", "faces"), 1, "faces", "--film")
    check(call("paths.py", "run", "nowhere", "none.json", "--only", "train-f32"), 1, "nowhere/bench/bench-network is not built")
    assert not os.path.exists("none.json")


def main():
    build = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="valence-bench-") as folder:
        os.chdir(folder)
        result = test_a_path_is_measured(build)
        test_results_are_compared(result)
        test_other_machines_are_refused(result)
        test_what_is_not_there_is_named(build)


main()
