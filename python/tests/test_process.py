"""The library inside a Python process: memory, threads, forks, other libraries."""
import os
import subprocess
import sys

import numpy as np
import pytest

import valence
from conftest import assert_no_leak


def test_a_thousand_cycles_leak_nothing(run, corpus):
    x = {"audio": [np.ones((3, 8), np.float32)]}

    def cycle():
        with valence.Store(corpus) as store, valence.Model(run) as model:
            store[0]["text"]
            model.predict(x)
        with pytest.raises(valence.NotFoundError):
            valence.Model(run + "/nothing")

    assert_no_leak(cycle)  # a leaked model, the smallest of these, would take 30 MiB


def test_what_is_dropped_is_freed(run, corpus):
    files = len(os.listdir("/proc/self/fd"))
    store = valence.Store(corpus)
    assert len(os.listdir("/proc/self/fd")) > files
    del store
    assert len(os.listdir("/proc/self/fd")) == files


def in_child(function):
    """What a forked child gives as its exit status."""
    child = os.fork()
    if not child:
        status = 1
        try:
            status = 0 if function() else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_can_score(model, store):
    """As a DataLoader's workers do. GNU OpenMP's pool does not survive a fork."""
    x, _, _ = store.clips("test")
    big = {name: [np.repeat(rows[i], 40, axis=0) for i in range(len(rows))] for name, rows in x.streams.items()}
    valence.set_threads(2)
    expected = model.predict(big).score
    assert in_child(lambda: np.allclose(model.predict(big).score, expected, atol=1e-5)) == 0
    assert in_child(lambda: valence.get_threads() == 1) == 0
    valence.set_threads(0)


def test_a_forked_child_leaves_a_writer_alone(tmp_path):
    """It neither adds nor, when it ends, closes what its parent goes on writing."""
    with valence.Store.write(tmp_path / "s", {"audio": 2}) as writer:
        writer.add("a", audio=np.ones((1, 2)))

        def use():
            with pytest.raises(valence.BusyError, match="forked"):
                writer.add("b", audio=np.ones((1, 2)))
            writer.close()
            writer.__del__()
            return True

        assert in_child(use) == 0
        writer.add("b", audio=np.ones((1, 2)))
    with valence.Store(tmp_path / "s") as store:
        assert store.finished and [clip.id for clip in store] == ["a", "b"]


def test_threads():
    before = valence.set_threads(2)
    try:
        assert valence.get_threads() == 2 and valence.default_threads() >= 1
        for wrong in (2**32 + 1, -1):
            with pytest.raises(valence.ArgumentError, match="n is"):
                valence.set_threads(wrong)
        with pytest.raises(TypeError):
            valence.set_threads(1.5)
        assert valence.get_threads() == 2
    finally:
        valence.set_threads(before)


def test_threadpoolctl_sees_and_limits(model):
    import threadpoolctl

    from valence import _threadpool
    from valence._library import lib

    assert _threadpool.register(lib) and _threadpool.register(lib)
    valence.set_threads(2)
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "valence"] == [2]
    with threadpoolctl.threadpool_limits(1, user_api="valence"):
        assert valence.get_threads() == 1
    assert valence.get_threads() == 2
    valence.set_threads(0)


ORDER = """
import sys
for name in sys.argv[2:]:
    __import__(name)
import numpy, valence
numpy.random.rand(200, 200) @ numpy.random.rand(200, 200)
print(float(valence.Model(sys.argv[1]).predict({"audio": [numpy.ones((40, 8))]}).score[0]).hex())
numpy.random.rand(200, 200) @ numpy.random.rand(200, 200)
print(len({line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line}))
"""


@pytest.mark.parametrize("others", [["numpy", "scipy.linalg", "sklearn"], ["pyarrow", "pandas"], ["torch"]])
def test_import_orders(run, others):
    for name in others:
        pytest.importorskip(name)
    said = {subprocess.run([sys.executable, "-c", ORDER, run, *order], capture_output=True, text=True, check=True).stdout
            for order in ([*others, "valence._library"], ["valence._library", *others])}
    assert len(said) == 1
    if others == ["torch"]:  # one OpenMP for both; scikit-learn's has another name
        assert said.pop().split()[1] == "1"


def test_importing_reads_nothing_else():
    """What makes `import valence` fast: NumPy and the library wait until they are needed."""
    program = "import sys, valence; print([name for name in ('numpy', 'valence._bindings', 'sklearn') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_name_can_be_the_first():
    """Whatever is imported first in a process, no module waits for itself."""
    program = ("import os, valence\nfor name in valence.__all__:\n    child = os.fork()\n    if not child:\n"
               "        getattr(valence, name)\n        os._exit(0)\n    assert os.wait()[1] == 0, name\nprint('all')")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "all\n"


def test_the_command():
    version = subprocess.run([sys.executable, "-m", "valence", "--version"], capture_output=True, text=True, check=True).stdout
    assert valence.__version__ in version
    assert subprocess.run([sys.executable, "-m", "valence", "train", "--no-such"], capture_output=True).returncode == 2


def test_all_names_are_there():
    assert all(getattr(valence, name) is not None for name in valence.__all__)
    assert set(valence.__all__) <= set(dir(valence))
    with pytest.raises(AttributeError, match="no attribute 'scroe'"):
        valence.scroe


def test_types():
    """mypy --strict, as pyproject.toml has it."""
    package = os.path.dirname(valence.__file__)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", package + "/../mypy", package],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
