"""The ``tiller`` command.

Everything heavy is imported inside the commands, so that ``tiller --help`` answers at once.
With ``--json``, stdout is JSON only. Errors are one plain line on stderr: exit code 2 for wrong
use, 1 for failure; ``--debug`` shows the traceback.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chat_app.commands.accounts import accounts
from chat_app.commands.align import align
from chat_app.commands.annotate import annotate
from chat_app.commands.common import JSON_OPTION, read_settings, say
from chat_app.commands.curve import curve
from chat_app.commands.export import export
from chat_app.commands.models import models

if TYPE_CHECKING:
    from recsys.catalog import Catalog
    from recsys.controls import ControlIntent
    from recsys.profile import Profile
    from recsys.rankers import Decoding

#: How a language model makes lists (:data:`recsys.rankers.Decoding`).
DECODINGS = click.Choice(["guarded", "distinct", "free"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="tiller")
def tiller(debug: bool) -> None:
    """A recommender you steer by talking to it."""


@tiller.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: 7860]")
@click.option("--sign-in", is_flag=True, default=None, help="Everybody signs in (see `tiller accounts`).")
def chat(host: str | None, port: int | None, sign_in: bool | None) -> None:
    """Open the web app."""
    settings = read_settings(host=host, port=port, sign_in=sign_in)
    from chat_app.ui.app import launch_app

    launch_app(settings, progress=say)


@tiller.command()
def ask() -> None:
    """The same conversation in the terminal."""
    from chat_app.commands.terminal import converse

    converse(read_settings(), progress=say)


@tiller.command()
@JSON_OPTION
def parse(as_json: bool) -> None:
    """Read turns from stdin, one a line, as one conversation; print how each was read."""
    from chat_app.controller import build_controller
    from chat_app.controller.turn import TurnIntent
    from chat_app.state import History
    from chat_app.words.markup import legible
    from chat_app.words.reply import refuse
    from recsys.datasets import load_dataset

    settings = read_settings()
    controller = build_controller(load_dataset(settings.catalog).catalog, settings)
    history = History()
    for text in _lines():
        if refuse(text, settings.max_message):
            turn = TurnIntent(act="unclear")
        else:
            turn = controller.invoke({"state": history.state, "text": legible(text)})
        history.read(turn)
        intent = history.state.intent
        if as_json:
            events = [event.model_dump() for event in turn.events]
            result = {"act": turn.act, "events": events, "intent": intent.model_dump(mode="json")}
            click.echo(json.dumps(result, ensure_ascii=False))
        else:
            events_text = "".join(f"; {event.kind} {event.item}" for event in turn.events)
            click.echo(f"{turn.act}{events_text}: {intent.model_dump_json(exclude_defaults=True)}")


@tiller.command()
@JSON_OPTION
@click.option("--like", "likes", multiple=True, metavar="TITLE", help="A title you like; may be repeated.")
@click.option("--request", metavar="TEXT", help="What you want, in your own words.")
@click.option("--intent", "intent_file", type=click.File("rb"), help="A ControlIntent as JSON.")
@click.option("--user", metavar="ID", help="Use the history of a person in the data as the profile.")
@click.option("--model", metavar="NAME", help="als, popularity, or an adapter by name or folder.")
@click.option("--decoding", type=DECODINGS, default="guarded", show_default=True)
@click.option("--count", type=click.IntRange(1, 200), help="How many.  [default: 5]")
def recommend(
    as_json: bool,
    likes: tuple[str, ...],
    request: str | None,
    intent_file: Any,
    user: str | None,
    model: str | None,
    decoding: Decoding,
    count: int | None,
) -> None:
    """Print a slate."""
    if request and intent_file:
        raise click.UsageError("Use --request or --intent, not both.")
    from chat_app.controller import build_controller
    from chat_app.state import State
    from chat_app.words.reply import refuse
    from recsys.datasets import load_dataset
    from recsys.enrichment import enrich
    from recsys.recommender import load_recommender

    settings = read_settings(model=model)
    if request and (refusal := refuse(request, settings.max_message)):
        raise click.UsageError(refusal)
    dataset = enrich(load_dataset(settings.catalog), settings)
    profile = _profile(dataset, likes, user)
    intent = _read_intent(intent_file, dataset.catalog)
    if request:
        turn = build_controller(dataset.catalog, settings).invoke(
            {"state": State(profile=profile), "text": request}
        )
        for unknown in turn.unknown:
            near = f" Did you mean {' or '.join(unknown.nearest[:3])}?" if unknown.nearest else ""
            say(f"I do not know “{unknown.text}”.{near}")
        if turn.act in ("unclear", "smalltalk") and not turn.edit:
            say("That request could not be read as one; say a mood, a kind, a name or a title.")
        state = State(profile=profile).apply(turn)
        profile, intent = state.profile, state.intent
    if count:
        intent = intent.model_copy(update={"count": count})
    with load_recommender(dataset, settings, progress=say) as recommender:
        slate = recommender.recommend(profile, intent, decoding=decoding)
    if as_json:
        click.echo(slate.model_dump_json())
    else:
        from chat_app.commands.terminal import slate_text

        click.echo(slate_text(slate))


@tiller.command()
@JSON_OPTION
@click.option(
    "--dataset", default="ml-latest-small", show_default=True, help="ml-latest-small, ml-1m, a folder …"
)
@click.option("--models", default="popularity,als", show_default=True, help="Rankers, separated by commas.")
@click.option("--quick", is_flag=True, help="A sample of the users.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--sample", "ranked", type=click.IntRange(1), help="Users who take part.  [default: all]")
@click.option("--users", type=click.IntRange(1), help="Of these, who are asked the control tasks.")
@click.option("--categories", type=click.IntRange(1), help="Categories a user and task, open protocol.")
@click.option("--decoding", type=DECODINGS, help="The only kind of lists to make.  [default: every kind]")
@click.option("--fusion", type=click.FloatRange(0), help="Weight of ALS in models called NAME+als.")
@click.option("--seeds", is_flag=True, help="Take models called NAME-seed0, NAME-seed1 … as one.")
@click.option("--plot", type=click.Path(path_type=Path), help="Also write a picture (.png, .svg).")
@click.option(
    "--requests",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead: from labelled requests (JSON lines) to slates.",
)
def evaluate(
    as_json: bool,
    dataset: str,
    models: str,
    seed: int,
    decoding: Decoding | None,
    seeds: bool,
    plot: Path | None,
    requests: Path | None,
    **given: Any,
) -> None:
    """Accuracy and control of the rankers, as tables."""
    names = [name.strip() for name in models.split(",") if name.strip()]
    if requests and (plot or seeds):
        raise click.UsageError("--requests makes a table of its own: leave --plot and --seeds out.")
    if requests:
        from chat_app.commands.sentences import evaluate_requests

        found = evaluate_requests(read_settings(catalog=dataset), requests, names, seed, say)
        click.echo(json.dumps(found.to_dict()) if as_json else found.table())
        return
    from recsys.datasets import load_dataset
    from recsys.evaluation import evaluate as run_evaluation
    from recsys.plots import check_path, plot_report
    from recsys.seeds import check_seeds, merge_seeds

    if plot:  # before anything slow happens
        check_path(plot)
    if seeds:
        check_seeds(names)
    if decoding:
        given["decodings"] = [decoding]
    report = run_evaluation(load_dataset(dataset), names, seed=seed, progress=say, **given)
    report = merge_seeds(report) if seeds else report
    click.echo(json.dumps(report.to_dict()) if as_json else report.table())
    if plot:
        plot_report(report, plot)


@tiller.command()
@JSON_OPTION
def doctor(as_json: bool) -> None:
    """Check the installation, data, model and store, and say what to do."""
    from chat_app.commands.doctor import examine

    checks = examine(read_settings())
    if as_json:
        click.echo(json.dumps([check._asdict() for check in checks]))
    else:
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
    if not all(check.ok for check in checks):
        raise SystemExit(1)


@tiller.command()
@click.option("--offline", is_flag=True, help="Do not fetch plot texts.")
def prepare(offline: bool) -> None:
    """Do the slow things now: plot texts, fitted model, index. Done already is skipped."""
    from recsys.datasets import load_dataset
    from recsys.enrichment import enrich, fetch
    from recsys.recommender import load_recommender

    settings = read_settings()
    dataset = load_dataset(settings.catalog)
    if not offline:
        fetch(dataset, settings, progress=say)
    load_recommender(enrich(dataset, settings), settings, progress=say).close()
    say("Ready.")


@tiller.command()
@JSON_OPTION
@click.option("--large", is_flag=True, help="Also a made catalogue of 1,000,000 items (takes many minutes).")
@click.option("--requests", type=click.Path(exists=True, path_type=Path), help="Messages, one a line.")
@click.option(
    "--votes", type=click.IntRange(1), help="Instead: a vote and Insights, with so many in the store."
)
def bench(as_json: bool, large: bool, requests: Path | None, votes: int | None) -> None:
    """Measure the time of a turn, the start and the memory."""
    if votes is not None:
        if large or requests:
            raise click.UsageError("--votes measures by itself: leave --large and --requests out.")
        from chat_app.commands.bench_votes import bench_votes

        found = bench_votes(votes, progress=say)
        click.echo(json.dumps(found.to_dict()) if as_json else found.table())
        return
    from chat_app.commands.bench import run_bench

    report = run_bench(read_settings(), requests, large, progress=say)
    click.echo(json.dumps(report.to_dict()) if as_json else report.table())


tiller.add_command(align)
tiller.add_command(models)
tiller.add_command(curve)
tiller.add_command(annotate)
tiller.add_command(accounts)
tiller.add_command(export)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns every error into one line and an exit code."""
    from recsys.errors import TillerError

    arguments = sys.argv[1:] if arguments is None else arguments
    _be_quiet()
    try:
        code = tiller.main(arguments, prog_name="tiller", standalone_mode=False)
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        raise SystemExit(2) from None
    except click.ClickException as error:
        _fail(f"{error.format_message()} See `tiller --help`.", error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if "--debug" in arguments:
            raise
        hint = "" if isinstance(error, TillerError) else " (run `tiller --debug …` for details)"
        _fail(f"{str(error) or type(error).__name__}{hint}", 1)


def _fail(message: str, code: int) -> None:
    click.echo("tiller: " + " ".join(message.split()), err=True)
    raise SystemExit(code)


def _be_quiet() -> None:
    """Libraries keep their progress bars, telemetry and thread pools to themselves."""
    for name, value in {
        "OPENBLAS_NUM_THREADS": "1",  # implicit parallelises by itself
        "TOKENIZERS_PARALLELISM": "false",
        # a base model of the hub has to be fetched; nothing else is
        "HF_HUB_OFFLINE": "0" if "TILLER_BASE_MODEL" in os.environ else "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "ANONYMIZED_TELEMETRY": "false",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }.items():
        os.environ.setdefault(name, value)


def _lines() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _profile(dataset: Any, likes: tuple[str, ...], user: str | None) -> Profile:
    from recsys.constraints import find_title
    from recsys.profile import Profile, profile_of

    profile = profile_of(dataset, user) if user is not None else Profile()
    for title in likes:
        profile = profile.add("liked", dataset.catalog.ids[find_title(dataset.catalog, title)])
    return profile


def _read_intent(file: Any, catalog: Catalog) -> ControlIntent:
    from pydantic import ValidationError

    from recsys.controls import ControlError, ControlIntent

    if file is None:
        return ControlIntent()
    try:
        intent = ControlIntent.model_validate_json(file.read())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ControlError(f"{file.name} is no ControlIntent: {place}: {first['msg']}.") from None
    intent.compile(catalog)  # refuse unknown facets and values before anything slow happens
    return intent


if __name__ == "__main__":
    main()
