"""Approximate title search: an inverted index from words to keys, typos mended by rapidfuzz."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

#: Keys compared letter by letter after the words have narrowed them down.
SHORTLIST = 50
#: Words of the vocabulary tried for one that is not in it.
NEAR_WORDS = 8
WORD_CUTOFF = 0.6


class TitleWords:
    """Finds keys by their words.

    Parameters
    ----------
    keys : canonical titles, words parted by single spaces ("" is never found).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
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
        self._by_length: dict[int, list[str]] = {}
        for part in self._ids:
            self._by_length.setdefault(len(part), []).append(part)

    def nearest(self, text: str, n: int, popularity: np.ndarray) -> list[tuple[int, float]]:
        """Numbers of the ``n`` nearest keys with scores 0..100, best first; the better known
        of equals first."""
        short = self._shortlist(text.split())
        scored = [(_score(text, self.keys[key]), float(popularity[key]), key) for key in short]
        scored.sort(reverse=True)
        return [(key, score) for score, _, key in scored[:n] if score >= 60]

    def confident(self, text: str, popularity: np.ndarray) -> tuple[int | None, float]:
        """The key that a text clearly means, with its score, or (None, 0)."""
        words = text.split()
        if not words or self._too_common(words):
            return None, 0.0
        best: tuple[float, float, int] | None = None
        for key in self._shortlist(words):
            if score := self._clear(text, words, self.keys[key]):
                candidate = (score, float(popularity[key]), key)
                best = max(best, candidate) if best else candidate
        return (best[2], best[0]) if best else (None, 0.0)

    def _clear(self, text: str, words: list[str], key: str) -> float:
        """A score when the text is the key but for typos, or enough of the key's beginning; else 0."""
        if self._typos_only(text, words, key):
            return max(fuzz.ratio(text, key), 80.0)
        front = " ".join(key.split()[: len(words)])
        if len(front) == len(key) or not self._tells(words, front):
            return 0.0
        if text == front:
            return 79.0
        return 70.0 if self._typos_only(text, words, front) else 0.0

    def _typos_only(self, text: str, words: list[str], key: str) -> bool:
        """Whether the text differs from the key as typing does.

        The longer the text the more letters may differ; a word that exists in titles is not
        taken for a typo of another one, its plural aside, unless much else agrees.
        """
        one, other = text.replace(" ", ""), key.replace(" ", "")
        allowed = 0 if len(other) < 5 else 1 if len(other) < 8 else 2 if len(other) < 14 else 3
        distance = OSA.distance(one, other, score_cutoff=allowed)
        if distance > allowed:
            return False
        missing = set(key.split())
        changed = [word for word in words if word not in missing]
        real = [word for word in changed if word in self._ids and not _plural(word, missing)]
        if any(word.isdigit() for word in (*changed, *missing.difference(words))):
            return False  # "Rocky 7" is not "Rocky 2"
        return not real or (len(words) > 2 and len(real) == 1 and distance == 1)

    def _tells(self, words: list[str], front: str) -> bool:
        """Whether the beginning of a title is distinctive enough to stand for all of it."""
        rarest = min((self._count(word) for word in front.split()), default=0)
        if len(words) == 1:
            return len(front) >= 8 and rarest == 1
        return len(front) >= 8 and rarest <= max(10, 0.001 * len(self.keys))

    def _count(self, word: str) -> int:
        number = self._ids.get(word)
        return 0 if number is None else int(self._start[number + 1] - self._start[number])

    def _too_common(self, words: list[str]) -> bool:
        return all(len(word) < 3 for word in words)

    def _shortlist(self, words: list[str]) -> np.ndarray:
        """The keys that share most with the words, by the weight of what is shared."""
        found, weights = [], []
        asked = 0.0
        for part in dict.fromkeys(words):
            near = list(self._near(part))
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


def _plural(word: str, others: set[str]) -> bool:
    return word + "s" in others or word.removesuffix("s") in others


def _score(text: str, key: str) -> float:
    """Likeness 0..100: as a whole, with the words in any order, or as the beginning."""
    begins = 85.0 if key.startswith(text + " ") else 0.0
    return max(fuzz.ratio(text, key), 0.95 * fuzz.token_sort_ratio(text, key), begins)
