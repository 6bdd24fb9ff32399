"""Approximate title search: an inverted index from words to keys, typos mended by rapidfuzz."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import takewhile

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

#: Keys compared letter by letter after the words have narrowed them down.
SHORTLIST = 50
#: Words of the vocabulary tried for one that is not in it.
NEAR_WORDS = 8
WORD_CUTOFF = 0.6
#: Scores of a text that is the beginning of one title, or stands inside of one.
BEGINNING, INSIDE, BEGINNING_WITH_TYPOS = 79.0, 75.0, 70.0


class TitleWords:
    """Finds keys by their words.

    Parameters
    ----------
    keys : canonical titles, words parted by single spaces ("" is never found).
    popularity : ``(n_keys,)``; of keys that are equally near the better known comes first.
    """

    def __init__(self, keys: Sequence[str], popularity: np.ndarray) -> None:
        self.keys = keys
        self._popularity = popularity
        self._famous = max(1.0, float(np.quantile(popularity, 0.95))) if len(keys) else 1.0
        self._ids: dict[str, int] = {}
        word, key = array("i"), array("i")
        for number, text in enumerate(keys):
            for part in set(text.split()):
                word.append(self._ids.setdefault(part, len(self._ids)))
                key.append(number)
        words = np.asarray(word, np.int32)
        self._postings = np.asarray(key, np.int32)[np.argsort(words, kind="stable")]
        counts = np.bincount(words, minlength=len(self._ids))
        self._start = np.concatenate(([0], np.cumsum(counts)))
        self._idf = np.log1p(len(keys) / np.maximum(counts, 1)).astype(np.float32)
        self._weight = np.bincount(np.asarray(key), weights=self._idf[words], minlength=len(keys))
        self._sorted = sorted(self._ids)
        self._by_length: dict[int, list[str]] = {}
        for part in self._ids:
            self._by_length.setdefault(len(part), []).append(part)

    def nearest(self, text: str, n: int) -> list[tuple[int, float]]:
        """Numbers of the ``n`` nearest keys with scores 0..100, best first; the better known
        of equals first."""
        short = self._shortlist(text.split(), unfinished=True)
        scored = [(_score(text, self.keys[key]), float(self._popularity[key]), key) for key in short]
        scored.sort(reverse=True)
        return [(key, score) for score, _, key in scored[:n] if score >= 60]

    def confident(self, text: str) -> tuple[int | None, float]:
        """The key that a text clearly means, with its score, or (None, 0)."""
        words = text.split()
        if not self.keys or all(len(word) < 3 for word in words):
            return None, 0.0
        clear = []
        for key in self._shortlist(words):
            if score := self._clear(text, words, self.keys[key], self._popularity[key] >= self._famous):
                clear.append((score, float(self._popularity[key]), int(key)))
        score, _, number = max(clear, default=(0.0, 0.0, None))
        if score == INSIDE and sum(score == INSIDE for score, *_ in clear) > 1:
            return None, 0.0
        return number, score

    def _clear(self, text: str, words: list[str], key: str, well_known: bool) -> float:
        """A score 70..99 when the text is the key but for typos, or enough of it; else 0."""
        if self._typos_only(text, words, key, well_known):
            return min(max(fuzz.ratio(text, key), 80.0), 99.0)
        if f" {text} " in f" {key} ":
            begins = key.startswith(text + " ")
            tells = self._tells(words, 10 if begins else 5, begins)
            return (BEGINNING if begins else INSIDE) if tells else 0.0
        front = key.split()[: len(words)]
        if len(words) > 1 and self._tells(front, 10, True):
            return BEGINNING_WITH_TYPOS if self._typos_only(text, words, " ".join(front), False) else 0.0
        return 0.0

    def _typos_only(self, text: str, words: list[str], key: str, well_known: bool) -> bool:
        """Whether the text differs from the key as typing does.

        The longer the text the more letters may differ. A word that exists in titles is not
        taken for a typo of another one unless it is the one letter that is wrong in a long
        or well-known title; numbers are never typos.
        """
        allowed = sum(len(key) >= length for length in (5, 8, 14))
        one, other = text.replace(" ", ""), key.replace(" ", "")
        distance = OSA.distance(one, other, score_cutoff=allowed)
        if distance > allowed:
            return False
        changed = set(words).difference(key.split())
        if any(word.isdigit() for word in (*changed, *set(key.split()).difference(words))):
            return False  # "Rocky 7" is not "Rocky 2"
        real = [word for word in changed if word in self._ids or word.removesuffix("s") in self._ids]
        if not real:
            return True
        if len(words) == 1 or len(real) > 1 or distance > 1:
            return False
        plural = any(word + "s" in key.split() for word in real)  # "reservoir dog"
        rest = min((self._count(word) for word in words if word not in real), default=0)
        return len(words) > 2 or plural or (len(key) >= 8 and (well_known or rest <= 3))

    def _tells(self, words: list[str], rare: int, begins: bool) -> bool:
        """Whether some words of a title are distinctive enough to stand for all of it.

        One word does only when it is long, begins the title and occurs in no other.
        """
        rarest = min(self._count(word) for word in words)
        if len(words) == 1:
            return begins and len(words[0]) >= 8 and rarest == 1
        return sum(map(len, words)) >= 8 and rarest <= max(rare, 0.0001 * rare * len(self.keys))

    def _count(self, word: str) -> int:
        number = self._ids.get(word)
        return 0 if number is None else int(self._start[number + 1] - self._start[number])

    def _shortlist(self, words: list[str], unfinished: bool = False) -> np.ndarray:
        """The keys that share most with the words, by the weight of what is shared.

        ``unfinished`` takes the last word also for the beginning of one ("shaws").
        """
        found, weights = [], []
        asked = 0.0
        for part in dict.fromkeys(words):
            near = list(self._near(part))
            if unfinished and part == words[-1]:
                near += self._beginning_with(part)
            asked += max((self._idf[number] for number, _ in near), default=self._idf.max(initial=0.0))
            for number, similarity in near:
                postings = self._postings[self._start[number] : self._start[number + 1]]
                found.append(postings)
                weights.append(np.full(len(postings), self._idf[number] * similarity))
        if not found:
            return np.empty(0, np.int64)
        keys, index = np.unique(np.concatenate(found), return_inverse=True)
        shared = np.bincount(index, weights=np.concatenate(weights))
        likeness = shared / (asked + self._weight[keys] - np.minimum(shared, asked) + 1e-9)
        order = np.argpartition(-likeness, SHORTLIST)[:SHORTLIST] if len(keys) > SHORTLIST else slice(None)
        return keys[order]

    def _beginning_with(self, start: str) -> list[tuple[int, float]]:
        """Up to 50 longer words that begin so."""
        first = bisect_right(self._sorted, start)
        found = takewhile(lambda word: word.startswith(start), self._sorted[first : first + 50])
        return [(self._ids[word], 0.8) for word in found] if len(start) > 1 else []

    def _near(self, word: str) -> Iterator[tuple[int, float]]:
        """Numbers of the word itself, or of those spelled nearly so, with their similarity."""
        if (number := self._ids.get(word)) is not None:
            yield number, 1.0
            for other in (word + "s", word.removesuffix("s")):
                if other != word and (number := self._ids.get(other)) is not None:
                    yield number, 0.9
            return
        if len(word) < 3 or word.isdigit():
            return
        pool = [w for size in range(len(word) - 2, len(word) + 3) for w in self._by_length.get(size, ())]
        for other, similarity, _ in process.extract(
            word, pool, scorer=OSA.normalized_similarity, score_cutoff=WORD_CUTOFF, limit=NEAR_WORDS
        ):
            yield self._ids[other], float(similarity)


def _score(text: str, key: str) -> float:
    """Likeness 0..100: as a whole, with the words in any order, or as the beginning."""
    begins = 85.0 if key.startswith(text) else 0.0
    return max(fuzz.ratio(text, key), 0.95 * fuzz.token_sort_ratio(text, key), begins)
