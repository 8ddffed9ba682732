import json

import pytest

import valence


@pytest.fixture(scope="module")
def report(run):
    with valence.report(run, title="A <report>") as report:
        yield report


def test_a_page_and_its_document(report, tmp_path):
    report.write_page(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!") and "A &lt;report&gt;" in page
    with pytest.raises(valence.ExistsError) as caught:
        report.write_page(tmp_path / "page.html")
    assert caught.value.key == "overwrite"
    report.write_page(tmp_path / "page.html", overwrite=True)
    assert (tmp_path / "page.html").read_text() == page
    assert report.to_dict()["title"] == "A <report>"


def test_the_document_is_the_commands(run, command):
    said = json.loads(command("report", run, "--json", "-q"))
    with valence.Report([run]) as report:
        document = report.to_dict()
    for one in (said, document):  # when it was made
        one.pop("made", None)
    assert document == said


def test_figures(report, tmp_path):
    charts, tables = report.write_figures(tmp_path / "figures", "none")
    assert tables > 0 and charts + tables <= len(list((tmp_path / "figures").iterdir()))
    with pytest.raises(valence.ArgumentError, match="none of svg"):
        report.write_figures(tmp_path / "more", "png")
    with pytest.raises(valence.ExistsError):
        report.write_figures(tmp_path / "figures", "none")
    report.write_figures(tmp_path / "figures", "none", overwrite=True)


def test_wrong_inputs(run, tmp_path):
    with pytest.raises(valence.NotFoundError, match="nothing"):
        valence.report([run, tmp_path / "nothing"])
    with pytest.raises(valence.ArgumentError):
        valence.report([])
    with pytest.raises(TypeError, match="did you mean title"):
        valence.report(run, titel="x")
    with pytest.raises(KeyboardInterrupt):
        valence.report(run, progress=interrupt)


def interrupt(progress):
    raise KeyboardInterrupt
