"""Picks a rig for a test: the simulation, the rig on a port, one that a command serves, or a free one of a map."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hal import Capability, HalError, RigUnavailable
from hal.serialport import ports_by_serial
from rfgen.faultpanel import on_the_bench
from rfgen.problems import InputError, Problem, suggestion
from rfgen.scenario import Scenario, fault_kinds
from rfgen.testing.errors import Lacking
from rfgen.testing.locks import RigLock
from rfgen.testing.rigmap import CAPABILITIES, RigEntry, command_words, load_rig_map, named
from rfgen.testing.rigs import Rig, SerialRig, SimulatedRig, capability_name, most_power_w, needs_of, power_lack

LOOK_EVERY_S = 0.2
SERVED_WITHIN_S = 60.0
"""A command that serves a rig may have to build it first (assumed)."""


@dataclass(frozen=True)
class Needs:
    """What a test needs of a rig, beyond what its scenario says by itself. `words`: capabilities, kinds of faults, and
    `simulation`."""

    words: tuple[str, ...] = ()
    load: str | None = None
    thermocouples: int = 1

    def __post_init__(self) -> None:
        known = {*CAPABILITIES, *fault_kinds()}
        for word in self.words:
            if word not in known:
                raise ValueError(f"{word!r} is nothing that a rig has or a fault does; {suggestion(word, known)}")

    def capabilities(self, scenario: Scenario) -> Capability:
        """All that a rig must claim."""
        found = needs_of(scenario)
        for word in self.words:
            found |= CAPABILITIES.get(word, Capability(0))
        return found

    def faults(self, scenario: Scenario) -> list[str]:
        """Faults that only a simulation can be given."""
        kinds = [*(word for word in self.words if word not in CAPABILITIES), *(f.kind for f in scenario.faults)]
        return [kind for kind in kinds if on_the_bench(kind)]

    def channels(self, scenario: Scenario) -> int:
        """Least number of thermocouples."""
        device = scenario.device
        return max(self.thermocouples, 1 if device.as_fitted else len(device.thermocouples))


class Bench(Protocol):
    """Where rigs come from."""

    def rig(self, scenario: Scenario, needs: Needs) -> contextlib.AbstractContextManager[Rig]:
        """A rig that has what is needed, nobody else's inside. Raises Lacking, HalError."""

    def close(self) -> None:
        """Ends what it started."""


def bench_of(words: str, *, wait_s: float = 600.0, max_power_w: float | None = None, command: str = "") -> Bench:
    """The bench that `--rig` names: `sim`, `serial:PORT`, `qemu`, `map:FILE`, `map:FILE@NAME`.

    `wait_s`: for how long a rig that is taken is waited for. `max_power_w`: of a rig that no map says it of. `command`:
    serves the emulated board. Raises InputError.
    """
    kind, _, rest = words.partition(":")
    if words == "sim":
        return SimulatedBench()
    if kind == "serial" and rest:
        return OneRig(SerialRig(rest, max_power_w=max_power_w), _place(rest), wait_s)
    if words == "qemu":
        try:
            command_words(command)
        except ValueError as error:
            raise InputError([Problem("rig_qemu", None, None, "", repr(command), str(error), "")]) from None
        entry = RigEntry(name="qemu", run=command, load="resistor", max_power_w=max_power_w or 400.0)
        return MapBench("--rig qemu", [entry], wait_s, claims_known=False)
    if kind == "map" and rest:
        path, one, name = rest.partition("@")
        found = load_rig_map(path)
        return MapBench(path, [named(found, path, name)] if one else found.rigs, wait_s)
    remedy = "sim, serial:PORT, qemu, map:FILE, or map:FILE@NAME"
    raise InputError([Problem("--rig", None, None, "", repr(words), "is no rig", remedy)])


class SimulatedBench:
    """The simulation, as often as it is wanted."""

    @contextlib.contextmanager
    def rig(self, scenario: Scenario, needs: Needs) -> Iterator[Rig]:
        """Raises Lacking for a capability that the scenario's device has not."""
        wanted = needs.capabilities(scenario) & ~needs_of(scenario) & ~Capability.SIMULATION
        lacks = [capability_name(bit) for bit in wanted]
        if len(scenario.device.thermocouples) < needs.thermocouples:
            lacks.append(f"{needs.thermocouples} thermocouples")
        if needs.load is not None and needs.load != "tissue":
            lacks.append(f"a {needs.load} (its load is tissue)")
        if lacks:
            raise Lacking(f"sim with device {scenario.device.name} lacks {', '.join(lacks)}")
        yield SimulatedRig()

    def close(self) -> None:
        """Nothing was started."""


class OneRig:
    """The rig on a port, one test after the other."""

    def __init__(self, rig: SerialRig, key: str, wait_s: float) -> None:
        self._rig = rig
        self._lock = RigLock(key)
        self._wait_s = wait_s

    @contextlib.contextmanager
    def rig(self, scenario: Scenario, needs: Needs) -> Iterator[Rig]:
        """Raises Lacking, or HalError where it cannot be had."""
        lacks = _lacks(needs, scenario, None)
        if lacks:
            raise Lacking(f"{self._rig.name} lacks {', '.join(lacks)}")
        _taken([self._lock], self._wait_s)
        try:
            _see(self._rig, scenario, needs)
            yield self._rig
        finally:
            self._lock.release()

    def close(self) -> None:
        """Gives the rig back."""
        self._lock.release()


class MapBench:
    """A free rig of several that has what is needed."""

    def __init__(self, source: str, rigs: Sequence[RigEntry], wait_s: float, *, claims_known: bool = True) -> None:
        self._source = source
        self._rigs = rigs
        self._wait_s = wait_s
        self._claims_known = claims_known
        self._made: dict[str, SerialRig] = {}
        self._served: dict[str, Served] = {}

    @contextlib.contextmanager
    def rig(self, scenario: Scenario, needs: Needs) -> Iterator[Rig]:
        """Raises Lacking where no rig has it, naming what each lacks; HalError where the ones that have do not answer,
        or are taken for too long."""
        found = [(entry, _lacks(needs, scenario, entry, self._claims_known)) for entry in self._rigs]
        entries = [entry for entry, lacks in found if not lacks]
        told = [f"{entry.name} lacks {', '.join(lacks)}" for entry, lacks in found if lacks]
        gone: list[str] = []
        lock: RigLock | None = None
        try:
            while entries:
                locks = [RigLock(self._key(entry)) for entry in entries]
                lock = _taken(locks, self._wait_s)
                entry = entries.pop(locks.index(lock))
                try:
                    rig = self._rig(entry)
                    _see(rig, scenario, needs)
                except Lacking as error:
                    told.append(str(error))
                except RigUnavailable as error:
                    gone.append(f"{entry.name}: {error}")
                else:
                    yield rig
                    return
                lock.release()
        finally:
            if lock is not None:
                lock.release()
        if gone:  # a bench that is broken is no reason to skip a test
            raise RigUnavailable("; ".join(gone))
        raise Lacking(f"no rig of {self._source} will do: {'; '.join(told)}")

    def close(self) -> None:
        """Ends the rigs that it had served."""
        for served in self._served.values():
            served.end()
        self._served.clear()

    def _key(self, entry: RigEntry) -> str:
        if entry.port is not None:
            return _place(entry.port)
        if entry.usb_serial is not None:
            return f"usb {entry.usb_serial}" if (port := _by_serial(entry.usb_serial)) is None else _place(port)
        # every process serves itself one
        return f"{os.getpid()} {entry.name}"

    def _rig(self, entry: RigEntry) -> SerialRig:
        port = entry.port
        if entry.usb_serial is not None:
            port = _by_serial(entry.usb_serial)
            if port is None:
                raise RigUnavailable(f"no port has the USB serial number {entry.usb_serial}: plug the rig in")
        if entry.run is not None:
            served = self._served.get(entry.name)
            if served is None or served.ended:
                served = self._served[entry.name] = Served(entry.run)
            port = served.port
        assert port is not None
        rig = self._made.get(entry.name)
        if rig is not None and rig.port == port:
            return rig
        rig = self._made[entry.name] = SerialRig(
            port,
            baud=entry.baud,
            name=f"rig {entry.name} ({self._source})",
            entry=entry.name,
            max_power_w=entry.max_power_w,
            claimed=entry.claims,
            lockstep=entry.lockstep,
        )
        return rig


class Served:
    """A rig that a command serves. It prints `rig on PORT` on a line, and ends by SIGTERM. Its environment has LINK, a
    name that it may give to its port."""

    def __init__(self, command: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rfgen-rig-")
        link = str(Path(self._folder.name) / "port")
        # a group of its own: Ctrl-C is for the test, and what the command starts ends with it
        try:
            self._process = subprocess.Popen(
                command_words(command),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "LINK": link},
                start_new_session=True,
            )
        except OSError as error:
            self._folder.cleanup()
            raise RigUnavailable(f"`{command}` cannot be run: {error.strerror or error}") from None
        # it ends with this process, however that ends: then the pipe is closed, and nothing is left to do it here
        self._guardian = subprocess.Popen(
            ["sh", "-c", 'cat >/dev/null; kill -s TERM -- "-$1"', "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.port = self._announced(command)

    @property
    def ended(self) -> bool:
        """It has ended by itself."""
        return self._process.poll() is not None

    def _announced(self, command: str) -> str:
        import selectors

        assert self._process.stdout is not None
        until_s = time.monotonic() + SERVED_WITHIN_S
        said = []
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while waiting.select(until_s - time.monotonic()):
                line = self._process.stdout.readline()
                if not line:
                    break
                if line.startswith("rig on "):
                    return line.removeprefix("rig on ").strip()
                said.append(line.rstrip())
        self.end()
        last = "; ".join(said[-3:]) or "nothing"
        raise RigUnavailable(f"`{command}` does not serve a rig (no line `rig on PORT`); it said: {last}")

    def end(self) -> None:
        """SIGTERM to it and all that it started, SIGKILL to what does not obey."""
        self._guardian.kill()
        self._guardian.wait()
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
                break
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()


def _lacks(needs: Needs, scenario: Scenario, entry: RigEntry | None, claims_known: bool = True) -> list[str]:
    """What a rig lacks, as far as is known without asking it."""
    lacks = [f"{kind}, which can be put on a simulation alone" for kind in dict.fromkeys(needs.faults(scenario))]
    if entry is None:
        if needs.load is not None:
            lacks.append(f"a known load ({needs.load} is needed; a map says what a rig is wired to)")
        return lacks
    if claims_known:
        lacks += _short_of(needs, scenario, entry.claims, entry.thermocouples)
    if needs.load is not None and entry.load != needs.load:
        lacks.append(f"a {needs.load} (its load is {entry.load})")
    most_w = most_power_w(scenario)
    if not most_w <= entry.max_power_w:
        lacks.append("the power: " + power_lack("it", entry.max_power_w, most_w))
    return lacks


def _short_of(needs: Needs, scenario: Scenario, claims: Capability, thermocouples: int) -> list[str]:
    lacks = [capability_name(bit) for bit in needs.capabilities(scenario) & ~claims]
    channels = needs.channels(scenario)
    if thermocouples < channels:
        lacks.append(f"{channels} thermocouples (it has {thermocouples})")
    return lacks


def _see(rig: SerialRig, scenario: Scenario, needs: Needs) -> None:
    """The rig itself says what it is: raises Lacking for what the test needs, HalError where the map is wrong."""
    info = rig.identify()
    lacks = _short_of(needs, scenario, info.capabilities, info.thermocouples)
    if lacks:
        raise Lacking(f"{rig.name} lacks {', '.join(lacks)}")


def _taken(locks: Sequence[RigLock], wait_s: float) -> RigLock:
    """The first that is free. Raises RigUnavailable where none comes free in time."""
    until_s = time.monotonic() + wait_s
    while True:
        for lock in locks:
            try:
                if lock.take():
                    return lock
            except OSError as error:
                raise HalError(f"{lock.path}: no lock can be had ({error.strerror or error})") from None
        if time.monotonic() >= until_s:
            held = "; ".join(f"{lock.key}: {lock.holder()}" for lock in locks)
            raise RigUnavailable(f"no rig came free within {wait_s:g} s: {held}")
        time.sleep(LOOK_EVERY_S)


def _place(port: str) -> str:
    """The device behind a port's name: a link to it is no second rig."""
    return port if "://" in port else os.path.realpath(port)


def _by_serial(number: str) -> str | None:
    found = ports_by_serial(number)
    if len(found) > 1:
        raise HalError(f"several ports have the USB serial number {number}: {', '.join(found)}; name the port instead")
    return found[0] if found else None
