"""Title search over the default catalogue, as people spell titles, and over a large one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.catalog import Catalog
from recsys.datasets import Dataset
from recsys.title_forms import display_title, plain
from recsys.titles import TitleIndex


@pytest.fixture(scope="module")
def catalog(films: Dataset) -> Catalog:
    return films.catalog


def small(titles: list[str], popularity: list[float] | None = None, **more) -> TitleIndex:
    numeric = {"popularity": np.asarray(popularity or [1.0] * len(titles), np.float32)}
    return TitleIndex(Catalog("small", range(len(titles)), titles, {}, numeric, **more))


NAMED = {
    # articles
    "The Matrix": "Matrix, The (1999)",
    "Matrix, The (1999)": "Matrix, The (1999)",
    "matrix": "Matrix, The (1999)",
    "an american in paris": "American in Paris, An (1951)",
    "american in paris": "American in Paris, An (1951)",
    "les miserables": "Misérables, Les (1995)",
    "Miserables": "Misérables, Les (1995)",
    "la cage aux folles": "Cage aux Folles, La (1978)",
    "the lives of others": "Lives of Others, The (Das leben der Anderen) (2006)",
    # typos
    "teh matrx": "Matrix, The (1999)",
    "pulp ficton": "Pulp Fiction (1994)",
    "the shawshenk redemtion": "Shawshank Redemption, The (1994)",
    "figth club": "Fight Club (1999)",
    "interstelar": "Interstellar (2014)",
    "ratatoullie": "Ratatouille (2007)",
    "jurrasic park": "Jurassic Park (1993)",
    "forest gump": "Forrest Gump (1994)",
    "the dark night": "Dark Knight, The (2008)",
    "silence of the lamb": "Silence of the Lambs, The (1991)",
    "no country for old man": "No Country for Old Men (2007)",
    "reservoir dog": "Reservoir Dogs (1992)",
    "etarnal sunshine": "Eternal Sunshine of the Spotless Mind (2004)",
    "pirates of the carribean": "Pirates of the Caribbean: The Curse of the Black Pearl (2003)",
    # other names, accents
    "se7en": "Seven (a.k.a. Se7en) (1995)",
    "cidade de deus": "City of God (Cidade de Deus) (2002)",
    "City of God (Cidade de Deus)": "City of God (Cidade de Deus) (2002)",
    "shichinin no samurai": "Seven Samurai (Shichinin no samurai) (1954)",
    "amelie": "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "Amélie": "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "MASH": "M*A*S*H (a.k.a. MASH) (1970)",
    "rashomon": "Rashomon (Rashômon) (1950)",
    # years
    "heat": "Heat (1995)",
    "heat 1995": "Heat (1995)",
    "Heat (1996)": "Heat (1995)",
    "Taken 3 (2014)": "Taken 3 (2015)",
    "hamlet": "Hamlet (1996)",
    "The Heat": "Heat, The (2013)",
    "Hyena Road (2015)": "Hyena Road",
    "hamlet 1990": "Hamlet (1990)",
    "the avengers 1998": "Avengers, The (1998)",
    "the avengers": "Avengers, The (2012)",
    # left out and short
    "star wars": "Star Wars: Episode IV - A New Hope (1977)",
    "Star Wars: A New Hope": "Star Wars: Episode IV - A New Hope (1977)",
    "the empire strikes back": "Star Wars: Episode V - The Empire Strikes Back (1980)",
    "lord of the rings": "Lord of the Rings: The Fellowship of the Ring, The (2001)",
    "return of the king": "Lord of the Rings: The Return of the King, The (2003)",
    "dr strangelove": "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)",
    "doctor strangelove": "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)",
    "borat": "Borat: Cultural Learnings of America for Make Benefit Glorious Nation of Kazakhstan (2006)",
    "indiana jones": "Indiana Jones and the Last Crusade (1989)",
    "eternal sunshine": "Eternal Sunshine of the Spotless Mind (2004)",
    "crouching tiger": "Crouching Tiger, Hidden Dragon (Wo hu cang long) (2000)",
    "shawshank": "Shawshank Redemption, The (1994)",
    "cuckoo's nest": "One Flew Over the Cuckoo's Nest (1975)",
    "ET": "E.T. the Extra-Terrestrial (1982)",
    # joined and parted words, punctuation
    "spiderman": "Spider-Man (2002)",
    "x men": "X-Men (2000)",
    "wall-e": "WALL·E (2008)",
    "fightclub": "Fight Club (1999)",
    "the god father": "Godfather, The (1972)",
    "mr and mrs smith": "Mr. & Mrs. Smith (2005)",
    "o brother where art thou": "O Brother, Where Art Thou? (2000)",
    # numbers, parts
    "300": "300 (2007)",
    "1984": "1984 (Nineteen Eighty-Four) (1984)",
    "2001": "2001: A Space Odyssey (1968)",
    "seven": "Seven (a.k.a. Se7en) (1995)",
    "twelve angry men": "12 Angry Men (1957)",
    "12 monkeys": "Twelve Monkeys (a.k.a. 12 Monkeys) (1995)",
    "oceans 11": "Ocean's Eleven (2001)",
    "8 1/2": "8 1/2 (8½) (1963)",
    "500 days of summer": "(500) Days of Summer (2009)",
    "death race 2000": "Death Race 2000 (1975)",
    "rocky 2": "Rocky II (1979)",
    "Rocky II": "Rocky II (1979)",
    "rocky 5": "Rocky V (1990)",
    "the godfather part 2": "Godfather: Part II, The (1974)",
    "godfather 2": "Godfather: Part II, The (1974)",
    "kill bill 2": "Kill Bill: Vol. 2 (2004)",
    "back to the future 3": "Back to the Future Part III (1990)",
    "alien 3": "Alien³ (a.k.a. Alien 3) (1992)",
    "terminator 2": "Terminator 2: Judgment Day (1991)",
}

NOT_NAMED = [
    *("", "   ", "!!!", "🎬🍿", "(1995)", "x" * 5000, "<script>alert(1)</script>", "'; DROP TABLE items; --"),
    *(
        "pizza",
        "comedy",
        "funny",
        "scary",
        "sad",
        "thrillers",
        "the best",
        "new york",
        "high school",
        "heat wave",
    ),
    *(
        "something scary",
        "a good movie",
        "a film with robots",
        "scary movies",
        "romantic comedy",
        "a war movie",
    ),
    *(
        "some nice thriller",
        "something funny with dogs",
        "drama from the 90s",
        "more like that",
        "another one",
    ),
    *("whatever you like", "blade runner 2049", "rocky 7"),
    *("It (2017)", "Wonder Woman (2017)", "The Purge (2013)", "Blockers (2018)", "Faces in the Crowd (2011)"),
]


@pytest.mark.parametrize(("text", "title"), NAMED.items())
def test_finds_what_people_write(catalog: Catalog, text: str, title: str) -> None:
    match = catalog.title_index.best(text)
    assert match is not None, [catalog.titles[m.row] for m in catalog.title_index.search(text)]
    assert catalog.titles[match.row] == title
    assert catalog.title_index.search(text)[0].row == match.row


@pytest.mark.parametrize("text", NOT_NAMED)
def test_takes_nothing_else_for_a_title(catalog: Catalog, text: str) -> None:
    match = catalog.title_index.best(text)
    assert match is None, catalog.titles[match.row]


def test_every_title_finds_itself(catalog: Catalog) -> None:
    """Titles as spelled, and as displayed; where two have one spelling, one of them."""
    index = catalog.title_index
    lost = [
        title
        for row, title in enumerate(catalog.titles)
        if plain(title) and not {row} & {*index.exact(title), *index.exact(display_title(title))}
    ]
    assert lost == []


def test_exact_takes_whole_names_only(catalog: Catalog) -> None:
    index = catalog.title_index
    assert [catalog.titles[row] for row in index.exact("the avengers")] == [
        "Avengers, The (2012)",
        "Avengers, The (1998)",
    ]
    assert [catalog.titles[row] for row in index.exact("avengers (1998)")] == ["Avengers, The (1998)"]
    assert len(index.exact("Hamlet (2000)")) == 2
    assert index.exact("star wars") == ()
    assert index.exact("") == ()
    assert index.best("Matrix").exact and not index.best("Matrx").exact


def test_suggestions_for_words_still_being_typed(catalog: Catalog) -> None:
    def first(text: str) -> str:
        return catalog.titles[catalog.title_index.search(text)[0].row]

    assert first("mat") == "Matrix, The (1999)"
    assert first("shaws") == "Shawshank Redemption, The (1994)"
    assert first("pulp f") == "Pulp Fiction (1994)"
    assert len(catalog.title_index.search("star", n=7)) == 7
    assert catalog.title_index.search("qqqqqqqq") == []


def test_mentions_in_running_text(catalog: Catalog) -> None:
    text = "I loved Heat and The Matrix, not Seven (1995) or star wars; something like twelve monkeys ok?"
    found = [
        (text[m.start : m.end], catalog.titles[m.row], m.exact) for m in catalog.title_index.mentions(text)
    ]
    assert found == [
        ("Heat", "Heat (1995)", True),
        ("The Matrix", "Matrix, The (1999)", True),
        ("Seven (1995)", "Seven (a.k.a. Se7en) (1995)", True),
        ("star wars", "Star Wars: Episode IV - A New Hope (1977)", False),
        ("twelve monkeys", "Twelve Monkeys (a.k.a. 12 Monkeys) (1995)", True),
    ]


def test_a_mention_is_exact_only_as_spelled(catalog: Catalog) -> None:
    def exact(text: str) -> list[bool]:
        return [m.exact for m in catalog.title_index.mentions(text)]

    assert exact("matrix") == [False]
    assert exact("ten") == [False]  # "10" in another spelling
    assert exact("die hard 2") == [True]


def test_a_mention_takes_the_longest_name_and_its_year() -> None:
    index = small(["Heat (1995)", "Heat (1986)", "Red Heat (1988)"], [9, 5, 7])
    index._years = np.asarray([1995, 1986, 1988], np.float32)
    found = index.mentions("red heat, heat 1986 and heat 2020")
    assert [(m.row, m.end - m.start) for m in found] == [(2, 8), (1, 9), (0, 4)]


@given(st.text(max_size=200))
def test_any_text_is_read_without_error(text: str) -> None:
    index = small(["Heat (1995)", "V", "Se7en", "Matrix, The", "()", "  ", "$ (Dollars) (1971)"])
    index.best(text)
    for match in index.search(text):
        assert 0 <= match.score <= 100
    ends = 0
    for mention in index.mentions(text):
        assert ends <= mention.start < mention.end <= len(text)
        ends = mention.end


def test_empty_and_untitled_catalogues() -> None:
    for titles in ([], [""], ["…", "!!!"]):
        index = small(titles)
        assert index.best("heat") is None and index.search("heat") == [] and index.mentions("heat") == []


def test_other_domains_and_aliases() -> None:
    index = small(["Nineteen Eighty-Four", "Brothers Karamazov, The", "Ulysses"], aliases={0: ["1984"]})
    assert index.best("1984").row == 0
    assert index.best("brothers karamasov").row == 1
    assert index.best("ulyses").row == 2


def test_a_mention_with_the_year_of_another_item_is_none(catalog: Catalog) -> None:
    assert catalog.title_index.mentions("passengers (2016)") == []
    assert len(catalog.title_index.mentions("passengers (2008)")) == 1


def test_years_are_no_matter_where_items_have_none() -> None:
    assert small(["Ulysses"]).best("Ulysses (1922)").row == 0


def test_a_shared_subtitle_names_nothing() -> None:
    index = small(["Ants: The Motion Picture", "Bees: The Motion Picture", "Wasps: A Quiet Life"])
    assert index.best("the motion picture") is None
    assert index.best("a quiet life").row == 2


def test_display_titles() -> None:
    for title, shown in {
        "Matrix, The (1999)": "The Matrix (1999)",
        "Seven (a.k.a. Se7en) (1995)": "Seven (1995)",
        "Misérables, Les (1995)": "Les Misérables (1995)",
        "Golden Age, The (Âge d'Or, L') (1930)": "The Golden Age (1930)",
        "Birdman: Or (The Virtue of Ignorance) (2014)": "Birdman: Or (The Virtue of Ignorance) (2014)",
        "(500) Days of Summer (2009)": "(500) Days of Summer (2009)",
        "Big Bang Theory, The (2007-)": "The Big Bang Theory (2007-)",
        "Hyena Road": "Hyena Road",
        "1984 (Nineteen Eighty-Four) (1984)": "1984 (1984)",
        "Monsters, Inc. (2001)": "Monsters, Inc. (2001)",
    }.items():
        assert display_title(title) == shown


@pytest.mark.slow
def test_typos_are_found_among_a_million_titles(catalog: Catalog) -> None:
    random = np.random.default_rng(0)
    letters = np.asarray(list("abcdefghiklmnoprstuv"))
    words = np.asarray(["".join(random.choice(letters, size)) for size in random.integers(3, 10, 100_000)])
    share = 1 / np.arange(1, len(words) + 1) ** 0.8
    drawn = words[random.choice(len(words), size=(990_875, 3), p=share / share.sum())]
    titles = [*catalog.titles, *(" ".join(row) for row in drawn)]
    popularity = np.concatenate([catalog.popularity + 1, np.ones(len(drawn), np.float32)])
    index = TitleIndex(Catalog("large", range(len(titles)), titles, {}, {"popularity": popularity}))
    for text, title in {
        "teh matrx": "Matrix, The (1999)",
        "shawshenk redemtion": "Shawshank Redemption, The (1994)",
    }.items():
        match = index.best(text)
        assert match is not None and titles[match.row] == title
