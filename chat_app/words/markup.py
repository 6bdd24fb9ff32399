"""Data in Markdown: escaping, cleaning, and the way back to plain text."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_LINE_START = re.compile(r"^(\s*)([-+=#]|\d+(?=[.)]))")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """Text on one line without control and direction characters."""
    kept = (" " if c.isspace() else c for c in text if c not in _BIDI)
    kept = (c for c in kept if c == " " or unicodedata.category(c) not in ("Cc", "Cs"))
    return " ".join("".join(kept).split())


def legible(text: str) -> str:
    """Text that every database and font can take: no NUL, no halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def escape(text: object) -> str:
    """Data as Markdown that shows it literally: no HTML, no links, no formatting."""
    out = _SPECIAL.sub(r"\\\1", clean(str(text)))
    out = out.replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    return _LINE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if not m[2].isdigit() else f"{m[1]}{m[2]}\u2060", out)


def shorten(text: str, length: int = 60) -> str:
    """The start of a text, cut between words."""
    text = clean(text)
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    head = cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut
    return head.rstrip(" ,.;:–-") + "…"


def plain(markdown: str) -> str:
    """Our own Markdown (bold, italics, escapes) as plain text."""
    out = re.sub(r"(?<!\\)(\*\*|\*)", "", markdown)
    out = _ESCAPED.sub(r"\1", out).replace("\u2060", "")
    return out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
