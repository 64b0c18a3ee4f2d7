"""`flawscope experiment`: what both papers report, run again on images of one's own disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.options import AuthorOption, JsonOption, SetOption

if TYPE_CHECKING:
    from core.experiments.page import Written
    from core.experiments.registry import Experiment
    from core.experiments.running import Outcome

app = typer.Typer()


@app.command()
def experiment(
    name: Annotated[str | None, typer.Argument(help="Which one; without a name they are listed.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The folder of images: CATEGORY/train/good, CATEGORY/test/..., as in MVTec AD.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where projects, results.csv and index.html go.")] = Path("experiments"),
    preset: Annotated[str, typer.Option(help="paper, or a cheaper one: micro, quick, small, medium, large.")] = "paper",
    epochs: Annotated[int | None, typer.Option(help="Length of each training in epochs.", min=1)] = None,
    minutes: Annotated[float | None, typer.Option(help="Length of each training in minutes.", min=0.2)] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each setting; their spread is shown.", min=1, max=20)] = 1,
    categories: Annotated[str | None, typer.Option(help="Only these, with commas between: pill,hazelnut.")] = None,
    set_: SetOption = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Pictures like the papers': maps, passes, losses.")
    ] = False,
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the papers report, run again: trainings, a table beside the published one, pictures."""
    from app.console import Screen
    from core.errors import ExitCode, InputError
    from core.experiments import registry
    from core.experiments.planning import Options

    screen = Screen(as_json=as_json)
    if name is None:
        _list(screen)
        return
    chosen = registry.experiment(name)
    if data is None:
        raise InputError("name the folder of images", mend=f"flawscope experiment {name} --data DIR")
    wanted = tuple(part.strip() for part in (categories or "").split(",") if part.strip())
    options = Options(preset, epochs, minutes, seeds, wanted, tuple(set_ or ()))
    outcome, written = _run(chosen, options, data, out, screen, author=author, figures=figures)
    _show(chosen, outcome, written, screen)
    if outcome.is_stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if outcome.failed and not outcome.rows:
        raise typer.Exit(ExitCode.TRAINING)


def _run(
    chosen: Experiment, options: Any, data: Path, out: Path, screen: Any, *, author: str | None, figures: bool
) -> tuple[Outcome, Written]:
    from app.following import watch
    from core.experiments import page, planning
    from core.experiments.running import Runner

    found = planning.categories(data, options)
    tasks = planning.plan(chosen, found, options)
    names = ", ".join(one.name for one in found)
    screen.say(f"{chosen.title}. On {names}; trainings: {len(tasks)}.", style="bold")
    screen.say(planning.schedule_words(chosen, options))
    outcome = Runner(chosen, options, data, out, lambda job: watch(job, screen), screen.say, author).run(tasks)
    with screen.progress() as progress:
        written = page.write(chosen, options, outcome, out / chosen.name, with_pictures=figures, progress=progress)
    return outcome, written


def _list(screen: Any) -> None:
    from core.experiments.registry import EXPERIMENTS

    rows = [[one.name, one.title, one.source, ", ".join(one.presets)] for one in EXPERIMENTS.values()]
    screen.table(["name", "what", "after", "presets"], rows)
    screen.result([dict(zip(("name", "title", "source", "presets"), row, strict=True)) for row in rows])


def _show(chosen: Experiment, outcome: Outcome, written: Written, screen: Any) -> None:
    from core.experiments.page import cell_words, number_words

    for table in written.tables:
        columns = [""]
        for name in table.columns:
            columns += [name, "published"] if table.any_published else [name]
        rows = []
        for line in table.lines:
            row = [line.title]
            for cell in line.cells:
                row.append(cell_words(cell.ours, table.metric))
                row += [number_words(cell.published, table.metric)] if table.any_published else []
            rows.append(row)
        screen.table(columns, rows, title=table.metric.title)
    for failed in outcome.failed:
        screen.warn(f"Without figures: {failed.task}. {failed.text}")
    if outcome.repeated:
        screen.say(f"{outcome.repeated} of {outcome.planned} trainings were done before and not repeated.")
    if outcome.is_stopped:
        screen.warn("Stopped. What is done is kept; the same command goes on from here.")
    screen.say(f"Figures: {written.csv}")
    screen.say(f"Page: {written.page}")
    screen.result(
        {
            "experiment": chosen.name,
            "csv": str(written.csv),
            "page": str(written.page),
            "planned": outcome.planned,
            "done": len(outcome.trained),
            "repeated": outcome.repeated,
            "stopped": outcome.is_stopped,
            "failed": [vars(one) for one in outcome.failed],
            "rows": [vars(one) for one in outcome.rows],
        }
    )
