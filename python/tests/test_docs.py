"""The examples of docs/python.md, one after the other, in one namespace."""
import os
import pathlib
import re

import pytest

from conftest import has_encoders

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"
BLOCK = re.compile(r"(?:<!-- needs ([\w ]+) -->\n)?```python\n(.*?)```", re.S)


def is_there(need):
    if need == "the encoder of texts":
        from valence.scorer import cache_folder

        return has_encoders() and bool(list(pathlib.Path(cache_folder()).glob("SmolLM2*")))
    try:
        __import__(need)
    except ImportError:
        return False
    return True


def test_the_examples_run(tmp_path, monkeypatch):
    cache = os.environ.get("VALENCE_CACHE", os.path.expanduser("~/.cache/valence"))
    monkeypatch.setenv("VALENCE_CACHE", os.path.abspath(cache))
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) == PAGE.read_text().count("```python") > 6
    names, left_out = {"__name__": "example"}, []
    for need, code in blocks:
        if need and not is_there(need):
            left_out.append(need)
            continue
        exec(compile(code, str(PAGE), "exec"), names)
    if left_out:
        pytest.skip(f"the other examples ran; not there: {', '.join(sorted(set(left_out)))}")
