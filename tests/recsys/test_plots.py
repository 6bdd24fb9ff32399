import pytest

from recsys.errors import TillerError
from recsys.evaluation import evaluate
from recsys.plots import plot_report
from tests.recsys.made_use import made_dataset


@pytest.fixture(scope="module")
def report():
    return evaluate(made_dataset(80, 30), ["popularity", "als"], quick=True, users=3, categories=1)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_written(report, tmp_path, suffix):
    path = tmp_path / "new" / f"report{suffix}"
    plot_report(report, path)
    start = path.read_bytes()[:100]
    assert start.startswith(b"\x89PNG") if suffix == ".png" else b"<?xml" in start


def test_every_model_and_decoding_is_in_it(report, tmp_path):
    plot_report(report, tmp_path / "report.svg")
    text = (tmp_path / "report.svg").read_text()
    assert all(f"<!-- {word} -->" in text for word in ("popularity", "als", "HR@10", "free", "guarded"))


def test_refusals(report, tmp_path):
    with pytest.raises(TillerError, match="end it with"):
        plot_report(report, tmp_path / "report.txt")
    (tmp_path / "taken").write_text("")
    with pytest.raises(TillerError, match="cannot be written"):
        plot_report(report, tmp_path / "taken" / "report.png")
