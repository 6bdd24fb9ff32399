"""``tiller annotate``: projects of annotation from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from chat_app.commands.common import JSON_OPTION, read_settings, say

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def annotate() -> None:
    """Projects in which people compare the lists of two rankers."""


@annotate.command()
@click.argument("name")
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    required=True,
    metavar="A,B",
    help="Two rankers to compare, each NAME or NAME:free; may be repeated.",
)
@click.option("--guidelines", type=FILE, help="What annotators are told (Markdown).")
@click.option("--requests", type=FILE, help="Requests in words, one a line.  [default: made up]")
@click.option(
    "--contexts",
    "source",
    type=click.Choice(["data", "chat"]),
    default="data",
    show_default=True,
    help="People of the data, or chats of people who consent.",
)
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="Comparisons.")
@click.option("--overlap", type=click.IntRange(1), default=1, show_default=True, help="Votes on each.")
@click.option("--daily-cap", type=click.IntRange(1), help="Most votes of one person a day.")
@click.option(
    "--checks",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    show_default=True,
    help="Share of comparisons with a known answer.",
)
@click.option(
    "--sampling", type=click.Choice(["uniform", "informative"]), default="uniform", show_default=True
)
@click.option("--seed", type=int, default=0, show_default=True)
def new(
    name: str, pairs: tuple[str, ...], guidelines: Path | None, requests: Path | None, **how: Any
) -> None:
    """Make the comparisons of a new project (stop the app meanwhile)."""
    from chat_app.annotation.making import make_for
    from chat_app.annotation.projects import Plan, Projects
    from chat_app.services import load_services
    from recsys.settings import ASSETS

    plan = Plan(pairs=tuple(_pair(pair) for pair in pairs), **how)
    text = _read(guidelines or ASSETS / "guidelines.md")
    wanted = [line for line in _read(requests).splitlines() if line.strip()] if requests else []
    if requests and not wanted:
        raise click.UsageError(f"{requests} holds no requests.")
    with load_services(read_settings(), progress=say) as services:
        projects = Projects(services.store)
        projects.check_name(name)  # before anything slow
        project = projects.create(name, text, plan, make_for(services, plan, wanted, say))
    say(f"“{project.name}” is ready: `tiller chat`, then the tab Annotate.")


@annotate.command(name="list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """The projects and how far they are."""
    from chat_app.annotation.votes import Votes
    from chat_app.store import Store

    store = Store.open(read_settings())
    votes = Votes(store)
    try:
        found = [(project, votes.progress(project.id)) for project in votes.projects.all()]
    finally:
        store.close()
    if as_json:
        rows = [
            {"id": p.id, "name": p.name, "plan": p.plan.model_dump(mode="json"), "guidelines": p.version}
            | {"votes": at.taken, "places": at.places}
            for p, at in found
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for project, at in found:
        click.echo(f"{project.name}: {at.taken:,} of {at.places:,} votes; guidelines {project.version}")


@annotate.command()
@click.argument("name")
@click.argument("file", type=FILE)
def guidelines(name: str, file: Path) -> None:
    """Put new guidelines of a project in force; the earlier ones are kept."""
    from chat_app.annotation.projects import Projects
    from chat_app.store import Store

    store = Store.open(read_settings())
    try:
        projects = Projects(store)
        version = projects.revise(projects.named(name).id, _read(file))
    finally:
        store.close()
    say(f"Version {version} of the guidelines of “{name}” is in force.")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8 text.") from None


def _pair(text: str) -> tuple[Any, Any]:
    from chat_app.annotation.projects import Side

    sides = []
    for part in map(str.strip, text.split(",")):
        name, colon, decoding = part.rpartition(":")
        known = decoding in ("free", "guarded")
        sides.append(Side(ranker=name, decoding=decoding) if colon and known else Side(ranker=part))
    if len(sides) != 2 or not all(side.ranker for side in sides) or sides[0] == sides[1]:
        raise click.UsageError(f"--pair {text}: name two different rankers, such as als,popularity:free.")
    return sides[0], sides[1]
