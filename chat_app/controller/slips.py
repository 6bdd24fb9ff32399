"""Values with a slip of the keyboard: "thriler", "true crme", "newset first"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

from chat_app.controller.chunks import Chunk, Claims
from chat_app.controller.english import FILLER, FUNCTION, common_words
from chat_app.controller.lexicon import Lexicon
from chat_app.controller.text import plural, singular

MOST_WORDS = 4  # of a value that is looked for with a slip in it
LEAST = 4  # letters of a word that may have one


class Slips:
    """Finds what one catalogue's values were misspelt as, where the word is no word otherwise."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        #: Phrases of several words by all words but one (None): that one, and the phrase.
        self._rest: dict[tuple[str | None, ...], dict[str, str]] = defaultdict(dict)
        for phrase, meaning in lexicon.phrases.items():
            words = phrase.split()
            if 1 < len(words) <= MOST_WORDS and (meaning.require or meaning.popularity or meaning.order):
                for rest, word in _without_one(words):
                    self._rest[rest][word] = phrase

    def claim_phrases(self, claims: Claims) -> None:
        """Claim values of several words, one of them misspelt."""
        text = claims.text
        for start in range(len(text)):
            for length in range(min(MOST_WORDS, len(text) - start), 1, -1):
                if not claims.free(start, start + length):
                    continue
                phrase = self._phrase(text.words(start, start + length).split())
                if phrase and claims.claim(self._value(start, start + length, phrase)):
                    break

    def claim_words(self, claims: Claims) -> None:
        """Claim values of a single word, and words for what items are called."""
        for i, token in enumerate(claims.text.tokens):
            if not self._may_be_slip(token.norm) or not claims.free(i, i + 1):
                continue
            if noun := _near(token.norm, list(self.lexicon.nouns), most=1):
                claims.claim(Chunk(i, i + 1, noun, "O"))
            elif value := _near(token.norm, self.lexicon.single_words):
                claims.claim(self._value(i, i + 1, value))

    def _phrase(self, words: list[str]) -> str | None:
        for rest, word in _without_one(words):
            known = self._rest.get(rest)
            if known and self._may_be_slip(word) and (meant := _near(word, list(known))):
                return known[meant]
        return None

    def _value(self, start: int, end: int, phrase: str) -> Chunk:
        return Chunk(start, end, phrase, "V", meaning=self.lexicon.phrases[phrase])

    def _may_be_slip(self, word: str) -> bool:
        if len(word) < LEAST or not word.isalpha():
            return False
        if word in FUNCTION or word in FILLER or word in self.lexicon.fillers or self.lexicon.is_noun(word):
            return False
        one = singular(word)  # "comedys" is no regular plural
        regular = one == word or plural(one) == word
        return word not in common_words() and not (one in common_words() and regular)


def _without_one(words: list[str]) -> Iterator[tuple[tuple[str | None, ...], str]]:
    for i, word in enumerate(words):
        if len(word) >= LEAST:
            yield (*words[:i], None, *words[i + 1 :]), word


def _near(word: str, known: list[str] | tuple[str, ...], most: int | None = None) -> str | None:
    """The one that a word is a slip of: with its first letter, one letter off, in longer words two."""
    cutoff = 1 + (len(word) > 6) if most is None else most
    near = process.extractOne(word, known, scorer=OSA.distance, score_cutoff=cutoff)
    return near[0] if near and near[0][0] == word[0] else None
