"""Names with a slip of the keyboard: "spielburg", "nicholas cage", "tom cruse"."""

from __future__ import annotations

from chat_app.controller.chunks import Chunk, Claims
from chat_app.controller.english import FILLER, FUNCTION, ORDINARY_NAMES, common_words, is_common
from chat_app.controller.lexicon import Lexicon, wish_for
from chat_app.controller.names import NEAR_NAME, Name, name_key
from chat_app.controller.text import Text, singular

RARE = 17_000  # place in the list of common words from which on a surname is no other word


class NameSlips:
    """Finds misspelt names of one catalogue in messages."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.names = lexicon.names

    def claim_misspelt(self, claims: Claims) -> None:
        """Claim well-known names of two capitalised words, spelled nearly right."""
        text = claims.text
        for start in range(len(text) - 1 if text.cased else 0):
            if not claims.free(start, start + 2) or not two_capitals(text, start):
                continue
            near = self.names.nearest(text.words(start, start + 2), n=1)
            if near and near[0][1] >= NEAR_NAME and near[0][0].weight >= self.names.well_known:
                take_name(claims, start, start + 2, near[0][0])

    def claim_slips(self, claims: Claims) -> None:
        """Claim surnames of the well known with a slip of the keyboard ("spielburg"), after a first name
        or alone, where the word is no word otherwise."""
        text = claims.text
        self._claim_slipped_first(claims)
        for i, token in enumerate(text.tokens if common_words() else ()):
            word = token.norm
            before = text.tokens[i - 1].norm if i else ""
            named = before in self.names.first and not is_common(before) and word not in FUNCTION
            if not word.isalpha() or not claims.free(i, i + 1) or len(word) < (3 if named else 5):
                continue
            if not self._no_word(word) and not (named and claims.free(i - 1, i)):
                continue
            full = self.names.nearest(f"{before} {word}", n=1) if before in self.names.first else []
            known = self._no_word(word) or full and full[0][0].weight >= self.names.well_known
            if (
                full
                and known
                and full[0][1] >= NEAR_NAME
                and name_key(full[0][0].value).startswith(f"{before} ")
            ):
                start = i - 1 if claims.free(i - 1, i) else i
                best = self.names.by_full_name(name_key(full[0][0].value)) or full[0][0]
                take_name(claims, start, i + 1, self._cued(text, i - 1, best))
            elif len(word) > 6 and (name := self.names.near_surname(word)) and _unlike_words(name):
                take_name(claims, i, i + 1, self._cued(text, i, name))

    def _claim_slipped_first(self, claims: Claims) -> None:
        """Claim full names whose first name has a slip: "nicholas cage"."""
        text = claims.text
        for i in range(1, len(text)):
            first, last = text.tokens[i - 1].norm, text.tokens[i].norm
            if len(first) < 4 or first in FUNCTION or last not in self.names.last:
                continue
            near = self.names.nearest(f"{first} {last}", n=1) if claims.free(i - 1, i + 1) else []
            if not near or near[0][1] < NEAR_NAME + 4:
                continue
            name = self.names.by_full_name(name_key(near[0][0].value))
            if name and name.items >= self.names.known_items and name_key(name.value).endswith(f" {last}"):
                take_name(claims, i - 1, i + 1, self._cued(text, i - 1, name))

    def _cued(self, text: Text, start: int, name: Name) -> Name:
        """The name in the role that the words before it say: "with …", "by …"."""
        for facet in self.lexicon.named:
            words = self.lexicon.words[facet]
            if any(
                text.words(max(start - cue.count(" ") - 1, 0), start) == cue
                for cue in (*words.cues, *words.weak_cues)
            ):
                return self.names.by_full_name(name_key(name.value), facet) or name
        return name

    def _no_word(self, word: str) -> bool:
        known = (FUNCTION, FILLER, self.lexicon.phrases, self.lexicon.fillers, common_words())
        stems = {word, singular(word), *(word.removesuffix(ending) for ending in ("ing", "ed", "er"))}
        somebody = word in self.names.last or word in self.names.first
        return not somebody and not any(stem in words for stem in stems for words in known)


def _unlike_words(name: Name) -> bool:
    """Not a surname that is also a word: "chrismas" is no Eric Christmas."""
    surname = name_key(name.value).split()[-1]
    return surname not in ORDINARY_NAMES and not is_common(surname, RARE)


def two_capitals(text: Text, start: int) -> bool:
    """Whether two words with a capital stand at a place."""
    tokens = text.tokens[start : start + 2]
    return text.cased and len(tokens) == 2 and all(t.is_word and text.raw[t.start].isupper() for t in tokens)


def take_name(claims: Claims, start: int, end: int, name: Name) -> bool:
    """Claim tokens for what a name asks for; False where one of them is taken."""
    meaning = wish_for(name)
    return claims.claim(Chunk(start, end, claims.text.words(start, end), "P", meaning=meaning))
