"""Commanded power never exceeds the limit, whatever control asks: proved of the real `permit`, and of the
real end of the tick.

Power control asks for, the treatment's maximum, and the profile's are any doubles at all, NaN and the
infinities among them; the mask of what is latched is any whole number.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_paths import Double, Whole, double_of, every_path
from evidence.prove_solver import Claim
from evidence.terms import DOUBLE, double, finite
from rfgen.assemble import generator_config
from rfgen.generator import Generator
from rfgen.records import Decision, State
from rfgen.safety import permit as real
from rfgen.scenario import load_scenario

RADIATING = (State.IMPEDANCE_CHECK, State.RAMP, State.HOLD)
Permit = Callable[[State, int, float, float], float | None]


def permit_claims(permit: Permit = real.permit) -> list[Claim]:
    """Of `rfgen.safety.permit.permit`, state by state and path by path."""
    latched, asked, most = z3.Int("latched"), z3.FP("asked_w", DOUBLE), z3.FP("most_w", DOUBLE)
    show = {"latched": latched, "asked_w": asked, "most_w": most}
    claims = []
    for state in State:

        def run(state: State = state) -> object:
            return permit(state, cast(int, Whole(latched)), cast(float, Double(asked)), cast(float, Double(most)))

        allowed = z3.And(latched == 0, state in RADIATING)
        gives = z3.And(allowed, z3.fpGT(asked, double(0.0)), z3.fpGT(most, double(0.0)), finite(most))
        for path, power in every_path(run):
            if power is None:
                says = z3.Not(gives)
                text = "it refuses only what is latched, not radiating, no limit, or no power above 0"
            else:
                w = double_of(cast(float, power))
                says = z3.And(
                    gives,
                    z3.fpGT(w, double(0.0)),
                    z3.fpLEQ(w, most),
                    z3.fpLEQ(w, asked),
                    z3.Or(z3.fpEQ(w, most), z3.fpEQ(w, asked)),
                )
                text = "what it gives is above 0, at most the limit, at most what was asked, and one of the two"
            claims.append(Claim("permit", f"{text} ({state.name})", says, (path,), show))
    return claims


def command_claims(scenario: str = "bench-self-test") -> list[Claim]:
    """Of `Generator._command`, through which every decision of the firmware leaves it."""
    asked, of_treatment, of_profile = (z3.FP(n, DOUBLE) for n in ("asked_w", "treatment_most_w", "profile_most_w"))
    latched = z3.Int("latched")
    show = {"asked_w": asked, "treatment_most_w": of_treatment, "profile_most_w": of_profile, "latched": latched}
    given = (z3.Not(z3.fpIsNaN(of_treatment)), z3.Not(z3.fpIsNaN(of_profile)))
    fresh = Generator(generator_config(load_scenario(scenario)))
    claims = []
    for state in State:

        def run(state: State = state) -> Decision:
            generator: Any = copy.deepcopy(fresh)
            generator.controller.asked_w = Double(asked)
            generator.supervisor.latched = Whole(latched)
            # as the constructor has it
            generator._most_w = min(Double(of_treatment), Double(of_profile))
            return cast(Decision, generator._command(state, 0, 0, False))

        for path, decision in every_path(run, given):
            command = decision.command
            w = double_of(command.power_w)
            nothing = z3.And(not command.rf_on, z3.fpEQ(w, double(0.0)))
            some = z3.And(
                command.rf_on,
                state in RADIATING,
                latched == 0,
                z3.fpGT(w, double(0.0)),
                z3.fpLEQ(w, of_treatment),
                z3.fpLEQ(w, of_profile),
            )
            text = "RF is commanded off at 0 W, or within both limits, radiating, with nothing latched"
            claims.append(Claim("command", f"{text} ({state.name})", z3.Or(nothing, some), (*given, path), show))
    return claims
