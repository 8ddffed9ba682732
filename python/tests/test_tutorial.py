"""docs/tutorial.ipynb, run from the first cell to the last."""
import json
import os
import pathlib
import shutil
import sys

import pytest

from conftest import needs_encoders

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
TUTORIAL = pathlib.Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@needs_encoders
def test_the_tutorial_runs(tmp_path, monkeypatch):
    shutil.copy(TUTORIAL, tmp_path)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])  # its `python`
    for variable in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    notebook = nbformat.read(tmp_path / TUTORIAL.name, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # what is shown is made where it is run
    kernel = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "", "language": "python"}
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(kernel))
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output["data"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    html = [data["text/html"] for data in shown if "text/html" in data]
    assert any("<svg" in text for text in html) and any("95 % intervals" in text for text in html)
    assert shown[-1]["text/plain"] == "True"
    assert any("no-rnc" in text and "text_missing" in text for text in html)
