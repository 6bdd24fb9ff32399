"""A seal on the index's vector files: Chroma reads them natively, and a truncated one can take the
whole process down instead of raising an error. So they are looked at before it opens them."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

SEAL = "seal.json"
LOOKED_AT = 1 << 20  # bytes at either end of a file


def seal(folder: Path) -> None:
    """Write down how the vector files look, in one step."""
    beside = folder / f"{SEAL}.part"
    beside.write_text(json.dumps(_look(folder)), encoding="utf-8")
    beside.replace(folder / SEAL)


def is_intact(folder: Path) -> bool:
    """Whether the vector files look as they were sealed; yes where nothing is sealed yet."""
    path = folder / SEAL
    try:
        return not path.exists() or json.loads(path.read_text(encoding="utf-8")) == _look(folder)
    except (OSError, ValueError):
        return False


def _look(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): _ends(path) for path in sorted(folder.glob("*/*")) if path.is_file()
    }


def _ends(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = blake2b(file.read(LOOKED_AT), digest_size=8)
        file.seek(max(size - LOOKED_AT, 0))
        digest.update(file.read())
    return f"{size} {digest.hexdigest()}"
