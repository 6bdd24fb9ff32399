import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import recsys.semantic
from recsys.catalog import CategoricalFacet
from recsys.errors import TillerError
from recsys.semantic import MAX_QUERY, IndexInUse, SemanticIndex, item_texts
from tests.recsys.made_use import THEMES, embed_words, made_dataset


@pytest.fixture(scope="module")
def catalog():
    return made_dataset().catalog


@pytest.fixture(scope="module")
def index(catalog, tmp_path_factory):
    with SemanticIndex(catalog, tmp_path_factory.mktemp("index"), embed=embed_words) as index:
        yield index


def exact(index, catalog, text, eligible, n):
    """Brute force over the item texts."""
    near = embed_words(item_texts(catalog)) @ embed_words([text])[0]
    rows = np.flatnonzero(eligible)
    return np.sort(near[rows])[::-1][:n]


@pytest.mark.parametrize("size", [1, 7, 30, 60])
@pytest.mark.parametrize("limit", [0, 50_000])
def test_search_finds_the_nearest_eligible(index, catalog, size, limit, monkeypatch):
    monkeypatch.setattr(recsys.semantic, "SMALL_CATALOG", limit)  # the strategies must agree
    eligible = np.zeros(60, bool)
    eligible[np.random.default_rng(size).permutation(60)[:size]] = True
    rows, near = index.search("robot", eligible, n=10)
    assert eligible[rows].all() and len(set(rows.tolist())) == min(size, 10)
    assert near == pytest.approx(exact(index, catalog, "robot", eligible, 10), abs=1e-5)


def test_many_eligible_of_a_large_catalogue_are_found_by_fetching_more(index, catalog, monkeypatch):
    monkeypatch.setattr(recsys.semantic, "SMALL_CATALOG", 0)
    monkeypatch.setattr(recsys.semantic, "FEW", 0)
    eligible = np.arange(60) % 2 == 0
    rows, near = index.search("robot", eligible, n=10)
    assert eligible[rows].all() and near == pytest.approx(
        exact(index, catalog, "robot", eligible, 10), abs=1e-5
    )


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_finds_its_items(index, catalog, theme):
    rows, near = index.search(theme, n=5)
    assert all(theme in catalog.titles[row].casefold() for row in rows)
    assert (np.diff(near) <= 1e-6).all()


def test_nothing_asked_or_nothing_eligible(index):
    assert index.search("  ", n=5)[0].tolist() == []
    assert index.search("robot", np.zeros(60, bool), n=5)[0].tolist() == []
    assert index.similar([], n=5)[0].tolist() == []


def test_a_very_long_theme_is_cut(index):
    read = []
    index.embed("robot")
    inner, index._embed = index._embed, lambda texts: read.extend(texts) or embed_words(texts)
    index.search("robot " * 20_000)
    index._embed = inner
    assert len(read) == 1 and len(read[0]) == MAX_QUERY


def test_similar_items_and_vectors(index, catalog):
    rows, near = index.similar([4], n=3)
    assert rows[0] == 4 and near[0] == pytest.approx(1)
    vectors = index.vectors([5, 4, 5])
    assert vectors == pytest.approx(embed_words(item_texts(catalog))[[5, 4, 5]], abs=1e-5)


def test_texts_hold_what_describes_and_no_names():
    catalog = made_dataset().catalog
    assert item_texts(catalog)[1] == "The Robot Ab. Red. Bo. A robot and its pirate"
    people = CategoricalFacet.from_lists("maker", [[f"Maker {row}"] for row in range(60)])
    catalog = replace(catalog, categorical={**catalog.categorical, "maker": people})
    assert item_texts(catalog)[1] == "The Robot Ab. Red. A robot and its pirate"


def test_built_once_and_again_when_texts_change(catalog, tmp_path):
    embedded = []

    def embed(texts):
        embedded.extend(texts)
        return embed_words(texts)

    SemanticIndex(catalog, tmp_path, embed=embed).close()
    assert len(embedded) == 60
    SemanticIndex(catalog, tmp_path, embed=embed).close()
    assert len(embedded) == 60
    other = replace(catalog, texts=["a robot"] * 60)
    with SemanticIndex(other, tmp_path, embed=embed) as index:
        assert len(embedded) == 120
        assert len(index._client.list_collections()) == 1  # the old vectors are gone


def test_an_interrupted_build_goes_on(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(recsys.semantic, "BATCH", 20)
    embedded = []

    def fails_later(texts):
        if len(embedded) >= 40:
            raise KeyboardInterrupt
        embedded.extend(texts)
        return embed_words(texts)

    with pytest.raises(KeyboardInterrupt):
        SemanticIndex(catalog, tmp_path, embed=fails_later)
    rest = []
    with SemanticIndex(catalog, tmp_path, embed=lambda t: rest.extend(t) or embed_words(t)) as index:
        assert len(rest) == 20
        assert index.search("winter", n=1)[0][0] % 4 == 3


def test_vectors_made_elsewhere(catalog, tmp_path):
    vectors = np.eye(60, 64, dtype=np.float32)
    with SemanticIndex(catalog, tmp_path, vectors=vectors) as index:
        rows, near = index.nearest(vectors[17], None, 1)
        assert rows.tolist() == [17] and near[0] == pytest.approx(1)


@pytest.mark.parametrize("n_items", [0, 1])
def test_tiny_catalogues(tmp_path, n_items):
    catalog = made_dataset(n_items).catalog
    with SemanticIndex(catalog, tmp_path, embed=embed_words) as index:
        assert len(index.search("robot", n=5)[0]) == n_items


class TestOneOwner:
    def test_a_second_owner_is_refused_and_the_first_goes_on(self, catalog, tmp_path):
        with SemanticIndex(catalog, tmp_path, embed=embed_words) as index:
            with pytest.raises(IndexInUse, match="Another Tiller process uses"):
                SemanticIndex(catalog, tmp_path, embed=embed_words)
            assert len(index.search("robot", n=3)[0]) == 3
        SemanticIndex(catalog, tmp_path, embed=embed_words).close()

    def test_another_process_is_refused(self, catalog, tmp_path):
        code = (
            "import sys, json; from pathlib import Path\n"
            "from recsys.errors import TillerError; from recsys.semantic import SemanticIndex\n"
            "from tests.recsys.made_use import embed_words, made_dataset\n"
            "try: SemanticIndex(made_dataset().catalog, Path(sys.argv[1]), embed=embed_words)\n"
            "except TillerError as error: print(json.dumps(str(error)))\n"
        )
        with SemanticIndex(catalog, tmp_path, embed=embed_words):
            result = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
            )
        assert "close it" in json.loads(result.stdout), result.stderr


@pytest.mark.parametrize("what", ["database", "vectors", "everything"])
def test_a_damaged_directory_is_built_again(catalog, tmp_path, what):
    SemanticIndex(catalog, tmp_path, embed=embed_words).close()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    for path in files:
        if what == "everything" or (path.suffix == ".sqlite3") == (what == "database"):
            path.write_bytes(b"not what it was" * 50)
    said: list[str] = []
    with SemanticIndex(catalog, tmp_path, embed=embed_words, progress=said.append) as index:
        assert len(index.search("robot", n=5)[0]) == 5
    if what != "vectors":  # small collections live in the database alone
        assert "damaged" in said[0]


@pytest.mark.parametrize("cut", ["data_level0.bin", "link_lists.bin", "header.bin", "seal.json"])
def test_cut_vector_files_are_noticed_before_they_crash_the_process(tmp_path, cut):
    catalog = made_dataset(1500, 1).catalog  # enough for vectors in files of their own
    vectors = np.random.default_rng(0).normal(size=(1500, 8)).astype(np.float32)
    SemanticIndex(catalog, tmp_path, vectors=vectors).close()
    said: list[str] = []
    SemanticIndex(catalog, tmp_path, vectors=vectors, progress=said.append).close()
    assert not said
    (path,) = tmp_path.rglob(cut)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with SemanticIndex(catalog, tmp_path, vectors=vectors, progress=said.append) as index:
        assert index.nearest(vectors[1400], None, 1)[0].tolist() == [1400]
    assert "damaged" in said[0]


def test_a_silent_server_is_one_sentence(catalog, tmp_path):
    with pytest.raises(TillerError, match="Chroma server at http://127.0.0.1:9 does not answer"):
        SemanticIndex(catalog, tmp_path, url="http://127.0.0.1:9", embed=embed_words)


def test_catalogue_names_that_are_no_collection_names(tmp_path):
    catalog = replace(made_dataset(5).catalog, name="Ünser Katalog / 2")
    with SemanticIndex(catalog, tmp_path, embed=embed_words) as index:
        assert len(index.search("robot", n=2)[0]) == 2
