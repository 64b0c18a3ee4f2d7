"""`flawscope ...`: everything the program does, from a terminal. Each command imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from app import cli_classes, cli_experiment, cli_project, cli_remarks, cli_roi
from app.options import (
    AuthorOption,
    DevicesOption,
    JsonOption,
    ProductOption,
    ProjectArgument,
    SetOption,
    TrainingOption,
    ViewOption,
    hold_maps,
    open_project,
)

if TYPE_CHECKING:
    from app.console import Screen
    from core.project import Project
    from core.workflow.lots import LotResult
    from core.workflow.results import Result
    from core.workflow.training import Order

_EPILOG = (
    "Exit codes: 0 done, also after a clean stop · 1 unexpected · 2 wrong use · 3 input that cannot be used · "
    "4 project open elsewhere · 5 project damaged or newer · 6 training failed · 7 disk full or not writable · "
    "130 killed"
)
_ESTIMATED = {"step", "seconds", "memory", "disk"}
app = typer.Typer(
    name="flawscope",
    help="Visual inspection for people who make things: train on good parts, see what is rejected and why.",
    epilog=_EPILOG,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_project.app)
app.add_typer(cli_experiment.app)
app.add_typer(cli_roi.app, name="roi")
app.add_typer(cli_classes.app, name="classes")
app.add_typer(cli_remarks.app)


def main() -> None:
    """The entry point: one sentence an error, a documented exit code, never a traceback for what a person can mend."""
    from core.errors import ExitCode, FlawscopeError

    try:
        code = app(standalone_mode=False)  # typer hands an exit code back instead of ending the process
    except FlawscopeError as error:
        _complain(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = ExitCode.INTERRUPTED
    except Exception as error:
        if not hasattr(error, "show"):  # typer's own errors about how it was called can show themselves
            raise
        if isinstance(said := getattr(error, "message", None), str):
            error.message = said.removeprefix("Value error, ")  # type: ignore[attr-defined]  # the validator's own words
        error.show()
        code = ExitCode.USAGE
    if code == ExitCode.INTERRUPTED:
        _complain("Stopped before it was done. What was stored before is unchanged.", ExitCode.INTERRUPTED)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _complain(text: str, exit_code: int) -> NoReturn:
    typer.secho(text, err=True, fg=typer.colors.RED)
    sys.exit(exit_code)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"flawscope {version('flawscope')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Without a command the window starts."""
    if context.invoked_subcommand is None:
        _start_window(None)


@app.command()
def gui(
    path: Annotated[Path | None, typer.Argument(help="A project, or a folder of images.")] = None,
    hidden_probe: Annotated[bool, typer.Option("--hidden-probe", hidden=True)] = False,
) -> None:
    """Open the window, with a project or a folder of images."""
    if hidden_probe:
        from app.gui import probe

        raise typer.Exit(probe())
    _start_window(path)


def _start_window(path: Path | None) -> None:
    try:
        from app.gui import run
    except ImportError as error:  # a server without the libraries of a screen
        from core.errors import FlawscopeError

        raise FlawscopeError(
            f"the window cannot start here ({error})",
            kept="Every other command works without it",
            mend="See what is missing with: flawscope doctor",
        ) from error
    raise typer.Exit(run(path))


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="The folder of images. It is read, never written to.")],
    project: Annotated[Path, typer.Argument(help="The project to make: a new folder.")],
    kind: Annotated[
        str | None,
        typer.Option(help="Correct what was recognised: mvtec, good_bad, flat, nested, gtanoic."),
    ] = None,
    product: Annotated[
        str | None, typer.Option(help="Name of the product, where the folder's name will not do.")
    ] = None,
    protocol: Annotated[str, typer.Option(help="none, or gtanoic200: 200 good images a type for training.")] = "none",
    part_pattern: Annotated[str | None, typer.Option(help="Regular expression with a group named part.")] = None,
    lot_pattern: Annotated[str | None, typer.Option(help="Regular expression with a group named lot.")] = None,
    view_pattern: Annotated[
        str | None, typer.Option(help="Regular expression with a group named view or camera.")
    ] = None,
    good: Annotated[bool, typer.Option("--good", help="Everything without a label is good.")] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a project from a folder of images."""
    from app.console import Screen
    from core.workflow import importing

    screen = Screen(as_json=as_json)
    choice = importing.Choice(
        kind=None if kind is None else importing.kind_of(kind),
        product=product,
        protocol=cast(Any, protocol),  # checked there, in one sentence
        part_pattern=part_pattern,
        lot_pattern=lot_pattern,
        view_pattern=view_pattern,
        unlabelled_are_good=good,
    )
    with screen.progress() as progress:
        report = importing.import_folder(folder, project, choice, author=author, progress=progress)
    _show_import(report, screen)


@app.command()
def add(
    project: ProjectArgument,
    folder: Annotated[Path | None, typer.Argument(help="Another folder; the project's own folders if absent.")] = None,
    product: Annotated[str | None, typer.Option(help="Whose images these are; the only product if absent.")] = None,
    lot: Annotated[str | None, typer.Option(help="Name of the lot that these images are.")] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a lot: look for new, changed and missing images."""
    from app.console import Screen
    from core.workflow import importing

    screen = Screen(as_json=as_json)
    with screen.progress() as progress:
        report = importing.add_lot(project, folder, product=product, lot=lot, author=author, progress=progress)
    _show_import(report, screen)


def _show_import(report: Any, screen: Any) -> None:
    for line in report.lines():
        screen.say(line)
    screen.name_some(report.problems, screen.warn, rest=f": flawscope list {report.project} --problems")
    screen.result(report.as_json())


@app.command()
def train(
    project: ProjectArgument,
    model: Annotated[str, typer.Option(help="The model; `flawscope list --models` names them.")] = "prff",
    preset: Annotated[str, typer.Option(help="micro, quick, small, medium, large or paper.")] = "quick",
    minutes: Annotated[float | None, typer.Option(help="Scale the schedule to about this time.", min=0.2)] = None,
    set_: SetOption = None,
    product: ProductOption = None,
    view: ViewOption = None,
    resume: Annotated[int | None, typer.Option(help="Go on with this training from its last checkpoint.")] = None,
    devices: DevicesOption = None,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Only make the job folder, for torchrun or a cluster to work on.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only measure one step, and say what all of it would take.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Go on without this terminal; see `flawscope follow`.")
    ] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on the good parts, view after view; then score and measure."""
    from app.console import Screen
    from core.workflow import training

    screen = Screen(as_json=as_json)
    changes = [*(set_ or ()), *([] if devices is None else [f"train.devices={devices}"])]
    order = training.Order(model=model, preset=preset, minutes=minutes, changes=tuple(changes))
    with open_project(project, author) as opened:
        if estimate:
            _show_estimates(opened, order, product, view, screen)
            return
        resumed = [] if resume is None else [training.resume(opened, resume)]
        results = []
        for number in resumed or _prepared(opened, order, product, view, screen):
            screen.say(training.headline(opened, number), style="bold")
            cli_roi.warn_of_fits(opened, number, screen)
            if no_start:
                results.append(training.waiting(opened, number))
                screen.say(f"Training #{number} waits in {results[-1]['folder']}. Start it there with torchrun.")
                continue
            if detach:
                results.append(training.start_detached(opened, number, devices=devices))
                screen.say(f"Training #{number} goes on by itself. See it with: flawscope follow {project} {number}")
                continue
            following = training.start(opened, number, devices=devices)
            results.append(_finish_training(opened, number, following, screen))
        screen.result(results if len(results) != 1 else results[0])


def _prepared(opened: Project, order: Order, product: str | None, view: str | None, screen: Screen) -> list[int]:
    from core.workflow import training

    with screen.progress() as progress:
        return training.prepare(opened, order, product=product, view=view, progress=progress)


def _show_estimates(opened: Project, order: Order, product: str | None, view: str | None, screen: Screen) -> None:
    from datetime import datetime

    from core.config import MODELS
    from core.workflow.measuring import measure
    from core.workflow.readiness import estimated

    screen.say("Measuring one step …", style="dim")
    results = []
    for one, found in measure(opened, order, product=product, view=view):
        place = one.product if one.code == "main" else f"{one.product} > {one.code}"
        screen.say(f"{MODELS[order.model].title} {order.preset} on {place}", style="bold")
        screen.say(f"  {estimated(found, datetime.now())}")
        results.append({"product": one.product, "view": one.code, **found.model_dump(include=_ESTIMATED)})
    screen.result(results if len(results) != 1 else results[0])


@app.command()
def follow(
    project: ProjectArgument,
    training: Annotated[int, typer.Argument(help="Number of the training.")],
    stop: Annotated[bool, typer.Option("--stop", help="Ask it to stop, then wait for its usable model.")] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a training that goes on by itself, and take its results in."""
    from app.console import Screen
    from app.following import watch
    from core.workflow import training as trainings

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        following = trainings.attach(opened, training)
        if stop and following is not None:
            following.stop()
        if following is not None and not watch(following, screen, leave=not stop):
            screen.say(f"Training #{training} goes on. Stop it with: flawscope follow {project} {training} --stop")
            return
        result = trainings.collect(opened, training, following)
        _show_result(result, screen)
        hold_maps(opened, screen)
        screen.result(result.as_json())


def _finish_training(opened: Project, number: int, following: Any, screen: Any) -> dict[str, Any]:
    from app.following import watch
    from core.workflow import training

    watch(following, screen)
    result = training.collect(opened, number, following)
    _show_result(result, screen)
    hold_maps(opened, screen)
    return result.as_json()


@app.command()
def score(
    project: ProjectArgument,
    training: TrainingOption = None,
    passes: Annotated[int | None, typer.Option(help="Reconstruction passes, 1 to 5.", min=1, max=5)] = None,
    gate: Annotated[float | None, typer.Option(help="Second pass only above this score (m of the paper).")] = None,
    taps: Annotated[str | None, typer.Option(help="Taps of the first or the last pass.")] = None,
    score_from: Annotated[str | None, typer.Option(help="Score of the last, first or highest pass.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="best (the model), last, or one that train.keep_at kept: kept-050.")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="tuning, test, unused, train; tuning and test if absent.")
    ] = None,
    lot: Annotated[str | None, typer.Option(help="Only this lot.")] = None,
    devices: DevicesOption = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score again: other images, passes or gate, without training."""
    from app.console import Screen
    from app.following import watch
    from core.workflow import scoring

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        wish = scoring.Wish(
            passes=passes,
            gate=gate,
            taps=taps,
            score_from=score_from,
            splits=tuple(split or ()),
            lot=lot,
            weights=weights,
            devices=devices,
        )
        with screen.progress() as progress:
            order = scoring.start(opened, training, wish, progress=progress)
        cli_roi.warn_of_fits(opened, order.run.number, screen)
        watch(order.following, screen)
        result = scoring.collect(opened, order)
        _show_result(result, screen)
        hold_maps(opened, screen)
        screen.result(result.as_json())


@app.command()
def evaluate(
    project: ProjectArgument,
    training: TrainingOption = None,
    scoring: Annotated[int | None, typer.Option(help="Number of the scoring; the training's own if absent.")] = None,
    heatmaps: Annotated[Path | None, typer.Option(help="Write pictures and an HTML page into this folder.")] = None,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Figures from test images, and pictures of the heatmaps."""
    from app.console import Screen
    from core.workflow import evaluating

    screen = Screen(as_json=as_json)
    with open_project(project, author) as opened:
        with screen.progress() as progress:
            result = evaluating.evaluate(opened, training, scoring, progress=progress)
            page = evaluating.write_heatmaps(opened, result, heatmaps, progress=progress) if heatmaps else None
        _show_result(result, screen)
        if page:
            screen.say(f"Heatmaps: {page}")
        screen.result(result.as_json() | ({"heatmaps": str(page)} if page else {}))


def _show_result(result: Result | LotResult, screen: Any) -> None:
    for line in result.lines():
        screen.say(line)
    columns, rows = result.table()
    if rows:
        screen.table(columns, rows)
    for line in result.notes():
        screen.warn(line)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the parts, the project and the heatmaps go.")] = Path("demo"),
    minutes: Annotated[float, typer.Option(help="About how long each of the two trainings may take.", min=0.2)] = 5.5,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """The whole job once, on sample parts that draw themselves."""
    from app.console import Screen
    from core.workflow import demonstration

    screen = Screen(as_json=as_json)
    with screen.progress() as progress:
        project = demonstration.make_project(folder, author=author, progress=progress)
    results = []
    with open_project(project, author) as opened:
        for number in demonstration.prepare_trainings(opened, minutes):
            from core.workflow import evaluating, training

            screen.say(training.headline(opened, number), style="bold")
            cli_roi.warn_of_fits(opened, number, screen)
            document = _finish_training(opened, number, training.start(opened, number), screen)
            result = evaluating.evaluate(opened, number, None)
            with screen.progress() as progress:
                page = evaluating.write_heatmaps(opened, result, folder / "heatmaps" / str(number), progress=progress)
            screen.say(f"Heatmaps: {page}")
            results.append(document | {"heatmaps": str(page)})
    screen.say(f"The project: {project}")
    screen.result(results)


if __name__ == "__main__":
    main()
