"""HTML as tests read it, and text that tries to be HTML."""

from __future__ import annotations

from html.parser import HTMLParser

EVIL = "<img src=x onerror=alert(1)>\"'</p><script>alert(2)</script>"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text in between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data
