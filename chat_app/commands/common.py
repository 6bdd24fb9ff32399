"""What the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from recsys.settings import Settings

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON only.")


def read_settings(**overrides: Any) -> Settings:
    """The settings of the environment, with what the command line says instead."""
    from pydantic import ValidationError

    from recsys.settings import get_settings

    try:
        settings = get_settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "TILLER_" + ".".join(map(str, wrong["loc"])).upper()
        raise click.UsageError(f"{name} is {wrong['input']!r}: {wrong['msg']}.") from None
    return settings.model_copy(update={k: v for k, v in overrides.items() if v is not None})


def say(message: str) -> None:
    """Progress goes to stderr: stdout is for results."""
    click.echo(message, err=True)
