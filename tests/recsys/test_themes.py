import pytest

from recsys.settings import ASSETS
from recsys.themes import MAX_THEME, Themes

THEMES = Themes({"gory": ["gore", "slasher"], "slow burn": ["suspense"]})


@pytest.mark.parametrize(
    ("theme", "text", "found"),
    [
        ("gory", "a tale of gore", ["gore"]),
        ("gory", "Gordy the talking pig", []),
        ("robots", "A robot in love", ["robots"]),
        ("haunted houses", "the haunting of a house", ["haunted", "houses"]),
        ("Slow-Burn", "much SUSPENSE", ["suspense"]),
        ("slow burn robots", "robots in suspense", ["suspense", "robots"]),
        ("something with the sea", "by the sea", ["sea"]),
        ("war", "a warehouse", []),
        ("", "anything", []),
        ("(.*)[", "anything", []),
    ],
)
def test_words_and_what_stands_for_them(theme, text, found):
    assert THEMES.matching(theme, text) == found


def test_shares_count_the_words_of_the_theme():
    assert THEMES.share("gory robots", "gore") == 0.5
    assert THEMES.share("gory", "gore and slasher") == 1
    assert THEMES.share("of", "of") == THEMES.share("🙂", "🙂") == 0


def test_what_is_embedded():
    assert THEMES.query("  gory   robots ") == "gory robots, gore, slasher"
    assert Themes().query("robots") == "robots"
    assert len(THEMES.query("robots " * 20_000)) <= MAX_THEME


def test_a_catalogue_without_words(tmp_path):
    assert Themes.load(tmp_path / "none.toml").matching("gory", "gory gore") == ["gory"]


def test_the_shipped_words_are_read():
    themes = Themes.load(ASSETS / "ml-latest-small" / "themes.toml")
    assert "suspense" in themes.matching("tense", "suspense on the river")
    assert themes.matching("feel-good", "a heartwarming comedy") == ["heartwarming"]
