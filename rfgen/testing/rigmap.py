"""A bench with several rigs, from a YAML file: where each is, what it can do, what it is wired to, what it bears."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hal import Capability
from hal.serialport import BAUD
from rfgen.problems import Fault, InputError, Problem, refuse, suggestion
from rfgen.testing.rigs import capability_name
from rfgen.validation import Strict, as_tuple, validate
from rfgen.yamlsource import compose, read_text

CAPABILITIES = {capability_name(bit): bit for bit in Capability}


def _capability(word: str) -> str:
    if word not in CAPABILITIES:
        raise ValueError(f"is no capability; {suggestion(word, CAPABILITIES)}")
    return word


def command_words(text: str) -> list[str]:
    """A command as a shell would split it. Raises ValueError where it is none."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is no command ({str(error).lower()}); quote it as for a shell") from None
    if not words or not words[0]:
        raise ValueError("is no command; say what serves the rig")
    return words


def _command(text: str) -> str:
    command_words(text)
    return text


class RigEntry(Strict):
    """One rig of the bench."""

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    port: str | None = Field(None, min_length=1, max_length=200)
    usb_serial: str | None = Field(None, min_length=1, max_length=200)
    """The serial number of its USB port: the rig is found wherever it is plugged in."""
    run: Annotated[str, AfterValidator(_command)] | None = Field(None, max_length=1000)
    """A command that serves it and prints `rig on PORT`."""
    lockstep: bool = False
    baud: int = Field(BAUD, ge=9600, le=12_000_000)
    capabilities: Annotated[tuple[Annotated[str, AfterValidator(_capability)], ...], BeforeValidator(as_tuple)] = ()
    thermocouples: int = Field(1, ge=1, le=8)
    load: str = Field("unknown", min_length=1, max_length=60)
    """What its output is wired to, in a word that tests use: `resistor`, `phantom`, `tissue`."""
    max_power_w: float = Field(gt=0, le=400)
    """The most that may be asked for there, whatever its stage gives."""

    @model_validator(mode="after")
    def _one_place(self) -> RigEntry:
        given = [name for name in ("port", "usb_serial", "run") if getattr(self, name) is not None]
        if not given:
            refuse([Fault(("name",), "has no place", "add `port`, `usb_serial` or `run`")])
        refuse(Fault((name,), f"stands beside {given[0]}", "keep one") for name in given[1:])
        if self.lockstep and self.run is None:
            refuse([Fault(("lockstep",), "is for a rig that is served by `run` alone", "leave it out")])
        return self

    @property
    def claims(self) -> Capability:
        """The capabilities as flags."""
        found = Capability(0)
        for word in self.capabilities:
            found |= CAPABILITIES[word]
        return found


class RigMap(Strict):
    """A bench."""

    rigs: Annotated[tuple[RigEntry, ...], BeforeValidator(as_tuple)] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _told_apart(self) -> RigMap:
        refuse(self._twice())
        return self

    def _twice(self) -> Iterator[Fault]:
        for key in ("name", "port", "usb_serial"):
            seen: set[str] = set()
            for place, rig in enumerate(self.rigs):
                value = getattr(rig, key)
                if value in seen:
                    yield Fault(("rigs", place, key), "is another rig's too", "each rig once, with a name of its own")
                if value is not None:
                    seen.add(value)


def load_rig_map(path: str | Path) -> RigMap:
    """A bench from its file. Raises InputError with every problem at its line."""
    node, problems = compose(read_text(path), str(path))
    try:
        found = validate(RigMap, node)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    return found


def named(rig_map: RigMap, path: str, name: str) -> RigEntry:
    """One rig of a map. Raises InputError."""
    for rig in rig_map.rigs:
        if rig.name == name:
            return rig
    remedy = suggestion(name, [rig.name for rig in rig_map.rigs])
    raise InputError([Problem(path, None, None, "", repr(name), "is no rig of this map", remedy)])
