"""Numbers in words and digits."""

from __future__ import annotations

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {w: n for n, w in enumerate(_ONES)} | {w: 10 * n for n, w in enumerate(_TENS, 2)}
_GROUPS = {"couple": 2, "few": 3, "dozen": 12, "handful": 5, "hundred": 100, "trio": 3, "pair": 2, "duo": 2}
_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_SPELLED = rf"(?:(?:{'|'.join(_TENS)}) (?:{'|'.join(_ONES[1:10])})|{_WORD})"
#: Patterns over canonical words: a plain number, and a number of items.
NUMBER = rf"(?:\d+(?:\.\d+)?|(?:a |one )?hundred(?: and)?(?: {_SPELLED})?|{_SPELLED})"
_GROUP = (
    r"(?:(?:a |another )?(?:good |solid )?(?:dozen|couple|handful)|(?:a|another) (?:trio|pair|duo)(?= of)"
    r"|(?:a|another|next|the) (?:good )?few)"
)
COUNT = rf"(?:{NUMBER}(?: dozen)?|half a dozen|{_GROUP})"


def number(words: str) -> float | None:
    """The number that words or digits say: "twenty five", "8.5", "a dozen"; None if none."""
    words = re.sub(r"^(?:a|an|another|one|next|the) (?=[a-z])", "", words.strip())
    words = re.sub(r"^(?:good|solid) ", "", words)
    if words in ("half a dozen",):
        return 6
    total, current = 0.0, None
    for word in words.split():
        if word in ("and", "of"):
            continue
        if re.fullmatch(r"\d+(?:\.\d+)?", word):
            value: float = float(word)
        elif word in _WORDS:
            value = _WORDS[word]
        elif word in _GROUPS:
            total, current = total + (current or 1) * _GROUPS[word], 0.0
            continue
        elif word in ("a", "an"):
            value = 1
        else:
            return None
        current = (current or 0) + value
    return None if current is None else total + current
