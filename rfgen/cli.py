"""The command line. Each command's work is in `rfgen.commands`, imported when it is given."""

from __future__ import annotations

import contextlib
import io
import math
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from rfgen.start import leave

if TYPE_CHECKING:
    from rfgen.fieldparts import PlantKind

OK, NOT_AS_EXPECTED, BAD_INPUT, RIG_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
INTERNAL = 70
"""The program itself failed (EX_SOFTWARE)."""
PLANTS = ("network", "reduced", "field")


class Within(click.FloatRange):
    """A number in a range; `nan` is in none, though it is not out of one either."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click's own. Raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rfgen")
def cli() -> None:
    """Simulates a radiofrequency ablation generator's control firmware behind a hardware abstraction layer.

    A development and test tool, not a medical device.
    """


@cli.command()
@click.argument("scenario")
@click.option("--hal", "backend", default="sim", show_default=True, help="What is behind the seam.")
@click.option("--port", help="The rig's port, for a backend that has one.")
@click.option("--baud", type=click.IntRange(1), help="Of a serial line that has one [default: 921600].")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Instead of the scenario's own.")
@click.option("--plant", type=click.Choice(PLANTS), help="Instead of the scenario's own model of the plant.")
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder [default: runs/NAME, numbered].")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else.")
@click.option("--realtime", is_flag=True, help="One second of treatment a second.")
@click.option("--quiet", is_flag=True, help="Print nothing but what went wrong.")
def run(
    scenario: str,
    backend: str,
    port: str | None,
    baud: int | None,
    seed: int | None,
    plant: PlantKind | None,
    out: Path | None,
    as_json: bool,
    realtime: bool,
    quiet: bool,
) -> int:
    """One treatment: SCENARIO is the name of a shipped one, or a path."""
    from rfgen.commands.run import run as command

    _loaded()
    return command(scenario, backend, port, baud, seed, plant, out, as_json, realtime, quiet)


@cli.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("-j", "--jobs", type=click.IntRange(1), help="How many at a time [default: one a core].")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as JUnit XML.")
@click.option("--shard", metavar="K/N", help="Run the K-th of N shares alone, for N machines.")
@click.option("--failed", "--last-failed", is_flag=True, help="Run only what failed at the last check in this folder.")
@click.option("--plant", type=click.Choice(PLANTS), help="Instead of each scenario's own model of the plant.")
def check(
    folders: tuple[Path, ...],
    jobs: int | None,
    junit: Path | None,
    shard: str | None,
    failed: bool,
    plant: PlantKind | None,
) -> int:
    """Run every scenario (the shipped ones without a FOLDER) and hold it against its `expect`."""
    from rfgen.commands.check import check as command

    _loaded()
    return command(folders, jobs, junit, shard, failed, plant)


@cli.command()
@click.argument("spec")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Its folder [default: campaigns/NAME].")
@click.option("-j", "--jobs", type=click.IntRange(1), help="How many at a time [default: one a core].")
@click.option("--cluster", metavar="ADDRESS", help="Run on the Dask cluster whose scheduler is there: tcp://HOST:8786.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Instead of the specification's own.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else.")
def campaign(
    spec: str, out: Path | None, jobs: int | None, cluster: str | None, seed: int | None, as_json: bool
) -> int:
    """Many random treatments as the YAML file SPEC says. Killed half-way, it goes on where it was."""
    from rfgen.commands.campaign import campaign as command

    _loaded()
    if jobs is not None and cluster is not None:
        raise click.UsageError("-j is for this machine; how many run on a cluster is its workers' business")
    return command(spec, out, jobs, cluster, seed, as_json)


@cli.command()
@click.argument("promise", required=False)
@click.option("--list", "as_list", is_flag=True, help="The promises, each with its temporal-logic form.")
@click.option("--device", default="bench", show_default=True, help="A device profile, by name.")
@click.option("--budget", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Runs, at most.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of the search.")
@click.option("--uniform", is_flag=True, help="By chance alone, without the optimiser.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Runs at a time.")
@click.option("--plant", type=click.Choice(PLANTS), default="network", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="The scenario's file [default: in falsified/].")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")
def falsify(
    promise: str | None,
    as_list: bool,
    device: str,
    budget: int,
    seed: int,
    uniform: bool,
    jobs: int,
    plant: str,
    out: Path | None,
    as_json: bool,
) -> int:
    """Search patients, faults, times and magnitudes for a run that breaks PROMISE; shrink it, and write it."""
    from rfgen.commands import falsify as command

    _loaded()
    if as_list:
        return command.listed(as_json)
    return command.falsify(promise, device, budget, seed, uniform, jobs, plant, out, as_json)


@cli.command()
@click.argument("scenario")
@click.option("--power", "power_w", type=Within(0, 400), help="Watts at the terminals throughout.")
@click.option("--tip-temperature", "tip_c", type=Within(20, 150), help="Celsius that the tip is held at.")
@click.option("--for", "for_s", type=Within(0, 36000, min_open=True), required=True, help="Seconds.")
@click.option("--probe", "probes", multiple=True, metavar="R,Z", help="A place to read, mm; may be repeated.")
@click.option(
    "--grid",
    metavar="fine|default|coarse|reduced|MM",
    help="Instead of the scenario's: by name, or its finest cell.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The picture [default: NAME-field.svg].")
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON, and nothing else.")
def plant(
    scenario: str,
    power_w: float | None,
    tip_c: float | None,
    for_s: float,
    probes: tuple[str, ...],
    grid: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """The field plant of SCENARIO by itself: temperatures, impedance, heat ledger, lesion, a picture. No firmware."""
    from rfgen.commands.plant import plant as command

    _loaded()
    return command(scenario, power_w, tip_c, for_s, probes, grid, out, as_json)


@cli.command()
@click.argument("run", type=click.Path(path_type=Path))
def replay(run: Path) -> int:
    """Feed a recorded RUN to today's firmware and compare every command, state and trip."""
    from rfgen.commands.recorded import replay as command

    _loaded()
    return command(run)


@cli.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to [default: in the run's folder].")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw the run as an SVG instead.")
@click.option("--field", type=click.Path(dir_okay=False, path_type=Path), help="Draw its field as an SVG instead.")
def report(runs: tuple[Path, ...], out: Path | None, picture: Path | None, field: Path | None) -> int:
    """The report of a run again, or several RUNS side by side."""
    from rfgen.commands.recorded import report as command

    _loaded()
    return command(runs, out, picture, field)


@cli.command()
@click.option("--device", help="A device profile, by name or path.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def interlocks(device: str | None, as_json: bool) -> int:
    """The interlocks in force: limits, persistence, armed states."""
    from rfgen.commands.lists import interlocks as command

    _loaded()
    return command(device, as_json)


@cli.command()
@click.option("--copy", type=click.Path(file_okay=False, path_type=Path), help="Copy them into this folder.")
def scenarios(copy: Path | None) -> int:
    """The shipped scenarios, one line each."""
    from rfgen.commands.lists import scenarios as command

    _loaded()
    return command(copy)


@cli.command()
def devices() -> int:
    """The device profiles, one line each."""
    from rfgen.commands.lists import devices as command

    _loaded()
    return command()


@cli.command()
def faults() -> int:
    """The faults that can be put on a run, one line each."""
    from rfgen.commands.lists import faults as command

    _loaded()
    return command()


@cli.command()
@click.argument("names", nargs=-1, metavar="[PORT]...")
@click.option("--probe", is_flag=True, help="Ask each whether it is a rig: sends HELLO, which switches a rig's RF off.")
def ports(names: tuple[str, ...], probe: bool) -> int:
    """The serial ports of this machine; nothing is sent to them unless asked to."""
    from rfgen.commands.ports import ports as command

    _loaded()
    return command(probe, names)


@cli.command()
@click.argument("scenario", default="bench-first-light")
@click.option("--link", type=click.Path(path_type=Path), help="A name for the port: a link, removed at the end.")
@click.option("--lockstep", is_flag=True, help="The plant moves one period an exchange, not with the clock.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Instead of the scenario's own.")
def rig(scenario: str, link: Path | None, lockstep: bool, seed: int | None) -> int:
    """Serve the simulated rig of SCENARIO on a pseudo-terminal, with the scenario's faults; prints the port."""
    from rfgen.commands.rig import rig as command

    _loaded()
    return command(scenario, link, lockstep, seed)


@cli.command("check-rig")
@click.argument("port")
@click.option("--json", "as_json", is_flag=True, help="As JSON, and nothing else.")
@click.option("--long", is_flag=True, help="Also what takes minutes.")
@click.option("--baud", type=click.IntRange(1), default=921_600, show_default=True, help="Of a line that has one.")
def check_rig(port: str, as_json: bool, long: bool, baud: int) -> int:
    """Does the rig on PORT keep the promises of the protocol? One line a promise.

    Asks for RF of at most 1 W, again and again: connect a dummy load first, and nothing else.
    """
    from rfgen.commands.check_rig import check_rig as command

    _loaded()
    return command(port, as_json, long, baud)


def main() -> None:
    """Entry point: exceptions become messages and exit codes."""
    _open_what_is_closed()
    _spell_what_is_not_there()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # `nohup` stays what it is
            signal.signal(number, _interrupt)
    early = signal.getsignal(signal.SIGINT) is leave
    code = _guarded()
    if early:  # all is written and closed: what would interrupt now ends the waiting for Python's own end
        signal.signal(signal.SIGINT, leave)
    sys.exit(code)


def _open_what_is_closed() -> None:
    """A standard stream that is closed (`>&-`) leads nowhere. Else a file that is opened would get its number, and with
    it what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                nowhere = os.open(os.devnull, os.O_RDWR)
                if nowhere != number:
                    os.dup2(nowhere, number)
                    os.close(nowhere)
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if number else "r", encoding="utf-8"))


def _spell_what_is_not_there() -> None:
    """A terminal without `Ω` in its characters gets `\\u03a9`, not an error."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _loaded() -> None:
    """The command is all there, and begins: an interrupt is an exception from here on, for what it has to put in order.
    While it is being imported one could be swallowed: by a callback of the import system, say."""
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Being told to end is being interrupted: RF off first, and what was recorded is kept."""
    raise KeyboardInterrupt


def _guarded() -> int:
    try:
        return int(cli(standalone_mode=False) or OK)
    except click.ClickException as error:
        with contextlib.suppress(OSError):  # a full disk under stderr changes no exit code
            error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        from rfgen.commands.output import say

        say("interrupted", err=True)
        return INTERRUPTED
    except SystemExit:
        return OK  # click's answer where the reader of a help text has gone: nothing more to say
    except Exception as error:
        return _explained(error)


def _explained(error: Exception) -> int:
    """A message and an exit code for what went wrong; a traceback only where it is asked for."""
    from hal import HalError
    from rfgen.commands.output import say, showable
    from rfgen.record.chunks import RecordingError
    from rfgen.yamlsource import InputError

    if isinstance(error, (InputError, RecordingError)):
        say(showable(str(error)), err=True)
        return BAD_INPUT
    if isinstance(error, HalError):
        say(showable(f"rig: {error}"), err=True)
        return RIG_FAILED
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        say(showable(f"{place}{error.strerror or error}"), err=True)
        return BAD_INPUT
    if os.environ.get("RFGEN_TRACEBACK"):
        raise error
    say(
        showable(f"rfgen itself failed: {type(error).__name__}: {error}")
        + "\nThis is a defect; please report it with what RFGEN_TRACEBACK=1 prints.",
        err=True,
    )
    return INTERNAL
