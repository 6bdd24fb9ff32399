"""What is evened out in a message before it is cut into words.

People write one thing in many ways: "<= 2h", "no more of 2 h", "at the most two hours". A table of
replacements, applied in order, brings them to the one that the patterns of the reader know.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

MAX_LENGTH = 2000  # characters read of one message: nobody says more about what to watch

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_QUOTES = {ord(c): "'" for c in "’‘´`ʼ′"} | {ord(c): '"' for c in "“”„«»″"}
_DIGITS = "zero one two three four five six seven eight nine".split()
_FEW = "one|two|three|four|five|six|seven|eight|nine|ten"
_MONEY = {"$": "dollars", "€": "euros", "£": "pounds"}
_FILMS = {"double": "two", "triple": "three"}
_SIGNS = {
    "<": ("before", "under"),
    ">": ("after", "over"),
    "<=": ("until", "at most"),
    ">=": ("since", "at least"),
}


def clean(message: str) -> str:
    """The message cut to what is read, with plain quotes, dashes and spaces."""
    text = html.unescape(message[:MAX_LENGTH])[:MAX_LENGTH]
    text = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_QUOTES)
    text = "".join(c if c.isprintable() else " " for c in text)
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return re.sub(r" +", " ", text.replace("...", ". ")).strip()


def _digits(match: re.Match[str]) -> str:
    return f"{_DIGITS.index(match[1].lower())}.{_DIGITS.index(match[2].lower())}"


def _minimum(match: re.Match[str]) -> str:
    """ "Min 2 with her" is a minimum, "90 min, two films" are minutes."""
    before = match.string[: match.start()].rstrip(" ").lower()
    return (
        match[0] if before[-1:].isdigit() or before.endswith(("ty", "ive", "hour", "hours")) else "at least "
    )


_Replacement = str | Callable[[re.Match[str]], str]
_REPLACED: list[tuple[re.Pattern[str], _Replacement]] = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # contractions that lost their sign: "don t", "i ll"
        (
            r"\b(do|does|did|is|was|are|were|have|has|had|would|should|could|ca|wo)n(?: |''|[\"\\;]'?)t\b",
            r"\1n't",
        ),
        (r"\b(i|you|we|they|he|she|it|that)(?: |''|[\"\\;]'?)(ll|ve|re)\b", r"\1'\2"),
        # "1:40 long", "w/ subtitles", "3 1/2 hours" (but "8 1/2" is a title), "three point five"
        (r"\b([1-4]):([0-5]\d)(?= ?(?:h|hours|long|max|at most|or less|or shorter|tops)\b)", r"\1h\2"),
        (r"\bw/(o\b)? ?", lambda m: "without " if m[1] else "with "),
        (
            r"\b(\d+) ?1[/⁄]2"
            r"(?= ?(?:h|hrs?|hours?|stars?|/|out|or|and (?:up|above|over|more)|plus|\+|-)(?!\w))",
            r"\1.5",
        ),
        (r"(?:(?<=rated )|(?<=least )|(?<=over )|(?<=above ))(\d+) 1[/⁄]2", r"\1.5"),
        (rf"\b({'|'.join(_DIGITS)}) point ({'|'.join(_DIGITS)})\b", _digits),
        (r"\s+", " "),
        # "we r four", "fun n scary", "<1930", "Spanish >= 5", "genre != horror"
        (
            r"\b(kids|we|they|you|u|there|guys|these|those|movies|films|what|where|who|how|twins)"
            r" (?-i:r) (?=(?-i:[a-z]))",
            r"\1 are ",
        ),
        (r"(?<=(?-i:[a-z,]))(?<!\btop) (?-i:n) (?=(?-i:[a-z]))", " and "),
        (
            r"(?<![-<>=])([<>])(=?) ?(?=(\d{4}(?!\d))?)"
            r"(?=\d{2}|\d(?:[.,]\d)? ?(?:stars?|/|h\b|hrs?\b|hours?|min))",
            lambda m: f" {_SIGNS[m[1] + m[2]][m[3] is None]} ",
        ),
        (r" ?(?:(>=|=>|≥)|(?:<=|=<|≤)) ?(?=\d)", lambda m: " at least " if m[1] else " at most "),
        (r" ?(?:!=|≠|<>) ?", " not "),
        # "min 2 with her", "test no. 4:", "no more of 1h40", "2 hours and a quarter", "a double bill"
        (rf"(?<!\S)min(?:\.:?|:)? (?=(?:\d+|{_FEW})\b)", _minimum),
        (r"(?<=[a-z] )(?:no|nr|num)\. ?\d+(?=[:,.;-]| -|$)", ""),
        (r"\bno more of (?=\d)", "no more than "),
        (r"\b(hours?) and a quarter\b", r"\1 15"),
        (r"\bwithin the hour\b", "within an hour"),
        (
            r"\b(three quarters|a quarter) of an hour\b",
            lambda m: "45 minutes" if m[1][0] in "tT" else "15 minutes",
        ),
        # "less than $20", "20€"; but "$9.99" and "$5 a Day" are titles
        (
            r"(?<=[a-z] )([$€£]) ?(\d+(?:[.,]\d\d)?)(?!\w| a day\b)",
            lambda m: f"{m[2]} {_MONEY[m[1]]}",
        ),
        (r"\b(\d+(?:[.,]\d\d)?) ?([$€£])(?!\w)", lambda m: f"{m[1]} {_MONEY[m[2]]}"),
        # "the top 5 comedies", but not "my top 5"
        (
            rf"(?<!\bmy )(?<!\byour )(?<!\bhis )(?<!\bher )\btop "
            rf"(?=(?:\d{{1,2}}|{_FEW})\b (?!by\b|percent)[a-z])",
            "best ",
        ),
        (
            r"\b(?:a )?(double|triple) (?:bill|feature)s?\b(?!:? (?:\d|two|three))",
            lambda m: f"{_FILMS[m[1].lower()]} films",
        ),
        # "you wouldn't happen to have", "rather X than Y", "if not X then Y", "I do want"
        (
            r"\b(?:you )?(?:would|do)(?:n't| not) (?:you )?"
            r"(?:happen to |by any chance )(?=have|got|know|stock)",
            "do you ",
        ),
        (r"(?:^|(?<=[,.;!?] )|(?<=and ))rather ([^,.;!?]{2,40}?) than\b", r"\1 rather than"),
        (r",? (?:or )?if not (?:[\w'-]+ ){1,3}then(?: maybe)? ", " or "),
        (r"\b(i|we) do (?=(?:want|wish|need|like|love|prefer|enjoy|fancy)\b)", r"\1 "),
        (r"\bwhat(?:'s| is) similar(?! to\b)", "something like that"),
        (
            r"\b(?:which|what) similar (?:ones|\w+s)(?= (?:would|do|can|could|are|have))",
            "something like that",
        ),
        # said without meaning: "if it's not too much trouble", "life is short", "um"
        (
            r",? if (?:that|it)(?:'s| is) not (?:too )?(?:much )?(?:of an? )?"
            r"(?:trouble|bother|problem|hassle)\b",
            "",
        ),
        (
            r",? (?:does|do) (?:that|such a thing|anything like that|those|it) (?:even |really )?exist"
            r"(?= ?[?.!]|$)",
            "",
        ),
        (r"\blife(?:'s| is) (?:too |so )?short\b", ""),
        (r",? (?:um+|uh+|uhm|erm)\b,? ?", ", "),
        # one word for one thing: "looking 4", "at the very most", "at least a single one", "twice at most"
        (r"(?<=\blooking )4(?= [a-z])", "for"),
        (r"\bup to and including\b", "up to"),
        (r"\bat the (?:very |absolute )?(?:most|maximum)\b", "at most"),
        (r"\bat the (?:very |absolute )?(?:least|minimum)\b", "at least"),
        (r"\b(at (?:most|least)) an? single\b", r"\1 one"),
        (r"\b(one) single\b", r"\1"),
        (r"\b\d{1,2}(?:[:.]\d\d)? ?(?:[ap]m|[ap]\.m\.)(?!\w)", " "),  # the time of day
        (r"\bonce(?= (?:at most|at least|tops|max)\b)", "one"),
        (r"\btwice(?= (?:at most|at least|tops|max)\b)", "two"),
        (
            r"(?:^|(?<=[,.;:!?] )|(?<=than )|(?<=under )|(?<=over ))hour and a half\b",
            "an hour and a half",
        ),
        (
            r"\b(more|less|fewer|better|worse|longer|shorter|newer|older|earlier|higher|lower) then"
            r"(?= (?:an?|\d+|one|two|three|four|five|six|seven|eight|nine|ten|half|that|this|the)\b)",
            r"\1 than",
        ),
    )
]
