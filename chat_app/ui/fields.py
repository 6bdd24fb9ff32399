"""The fields of a form as a page sends them: lists of texts by name. Nothing in them is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from recsys.errors import TillerError

Fields = Mapping[str, Any]
Made = TypeVar("Made")


class FormError(TillerError):
    """A form that cannot be used; the message says which field and why."""


def texts(fields: Fields, name: str) -> list[str]:
    """The texts of all fields of a name, in their order."""
    values = fields.get(name) or []
    return [str(value).strip() for value in (values if isinstance(values, list) else [values])]


def field(fields: Fields, name: str) -> str:
    """The text of one field, "" where there is none."""
    return next(iter(texts(fields, name)), "")


def number(fields: Fields, name: str) -> Any:
    """A number, a whole one where it can be; None for an empty field."""
    text = field(fields, name)
    if not text:
        return None
    try:
        found = float(text)
        return int(found) if found.is_integer() else found
    except (ValueError, OverflowError):
        raise FormError(f"“{text[:40]}” is no number ({name.replace('_', ' ')}).") from None


def checked(make: Callable[[], Made]) -> Made:
    """What ``make`` makes; :class:`FormError` where a model refuses."""
    try:
        return make()
    except json.JSONDecodeError:
        raise FormError("That cannot be read; please reload the page.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise FormError(f"That cannot be: {f'{place}: ' * bool(place)}{first['msg']}.") from None
