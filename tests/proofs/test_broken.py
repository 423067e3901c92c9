"""A proof that could not fail would show nothing: what is broken on purpose is refuted, and the
counterexample is real."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable
from dataclasses import replace

import pytest
import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_catalogue import FIGURES
from evidence.prove_code import LAYOUTS, code_claims
from evidence.prove_count import FEW, cases, new_supervisor, other_claims, step_claim
from evidence.prove_order import order_claims
from evidence.prove_permit import RADIATING, permit_claims
from evidence.prove_rows import Unproved, replay, text_claims
from evidence.prove_solver import Claim, Result, Verdict, solve
from evidence.terms import DOUBLE, double
from rfgen.records import State
from rfgen.safety import supervisor as module
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import Condition, any_channel, channel, flag, limit, signal
from rfgen.safety.limits import LIMITS
from rfgen.safety.row import Row
from rfgen.safety.supervisor import Supervisor

BY_ID = {row.id: row for row in ROWS}
DEVIATION_W = signal.power_off_by_w > limit.deviation_w
DEVIATION_SHARE = signal.power_off_by_w > limit.deviation_share * signal.power_expected_w

BROKEN: list[tuple[str, str, Condition]] = [
    ("at the limit", "OVER_TEMP", any_channel("electrodes", channel >= limit.over_temp_c)),
    ("the wrong thermocouples", "SENTINEL_TEMP", any_channel("electrodes", channel > limit.sentinel_c)),
    ("the wrong limit", "OVER_TEMP_HARD", any_channel("electrodes", channel > limit.over_temp_c)),
    ("or for and", "POWER_DEVIATION", DEVIATION_W | DEVIATION_SHARE),
    ("half of it", "POWER_DEVIATION", DEVIATION_W & DEVIATION_W),
    ("the wrong way round", "Z_LOW", signal.impedance_ohm > limit.z_low_ohm),
    ("a fault of the rig left out", "STAGE_FAULT", signal.stage_c > limit.stage_c),
    ("a tick later", "LINK_LOST", (signal.missed_ticks > 3) | flag.exchange_failed),
]


def refuted(claims: list[Claim]) -> list[Result]:
    results = [solve(claim) for claim in claims]
    assert Verdict.UNKNOWN not in {result.verdict for result in results}
    return [result for result in results if result.verdict is Verdict.REFUTED]


@pytest.mark.parametrize(("what", "row_id", "condition"), BROKEN, ids=[f"{b[1]} {b[0]}" for b in BROKEN])
def test_a_broken_row_is_refuted_with_values_on_which_the_real_code_differs(
    what: str, row_id: str, condition: Condition
) -> None:
    sound = BY_ID[row_id]
    broken = replace(sound, condition=condition)
    found = refuted(text_claims([broken]))
    assert len(found) == 2, what
    for result in found:
        values = {f"limit {name}": value for name, value in FIGURES.items()} | dict(result.counterexample)
        assert replay(broken, values) != replay(sound, values), str(result)
        assert f"refuted: {row_id}" in str(result)


def test_a_wrong_default_is_refuted_by_the_pages_figures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "sentinel_c", LIMITS["sentinel_c"]._replace(default=46.0))
    found = refuted(text_claims([BY_ID["SENTINEL_TEMP"]]))
    assert ["with the page's figures" in result.claim.text for result in found] == [True]


@pytest.mark.parametrize(
    ("row_id", "condition"),
    [
        ("OVERSHOOT", signal.over_target_c < limit.overshoot_c),
        ("SENTINEL_TEMP", any_channel("sentinel", (channel > limit.sentinel_c) & (channel < 60.0))),
        ("ESTOP", ~flag.estop_pressed),
    ],
)
def test_a_row_that_is_untripped_by_more_of_the_same_is_refuted(row_id: str, condition: Condition) -> None:
    broken = replace(BY_ID[row_id], condition=condition)
    found = refuted(order_claims([broken]))
    assert found
    if row_id == "SENTINEL_TEMP":
        values = found[0].counterexample
        assert replay(broken, values) == (True, False)
        assert replay(broken, values, " moved") == (False, False)
        assert all(not values[f"tc{i} moved"] < values[f"tc{i}"] for i in range(8) if values[f"tc{i} is a sentinel"])


def test_a_row_that_masks_another_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Supervisor.source

    def masking(self: Supervisor, state: State) -> str:
        changed = sound(self, state).replace(
            "(0 if not estop_pressed else", "(0 if not estop_pressed or loop_open else"
        )
        assert changed != sound(self, state)
        return changed

    monkeypatch.setattr(Supervisor, "source", masking)
    claims = [claim for claim in code_claims(layouts=LAYOUTS[:1]) if claim.about in ("ESTOP", "LOOP_OPEN", "TC_RATE")]
    assert {result.claim.about for result in refuted(claims)} == {"ESTOP"}


# --- the permit, broken ---------------------------------------------------------------------------------------------


def no_nan(state: State, latched: int, asked_w: float, most_w: float) -> float | None:
    """Cut as it often is: a NaN is above nothing."""
    if latched or state not in RADIATING or not 0.0 < most_w < math.inf or asked_w <= 0.0:
        return None
    return most_w if asked_w > most_w else asked_w


def latch_ignored(state: State, latched: int, asked_w: float, most_w: float) -> float | None:
    """A latched trip still lets power through."""
    if state not in RADIATING or not 0.0 < most_w < math.inf or not asked_w > 0.0:
        return None
    return asked_w if asked_w < most_w else most_w


def uncut(state: State, latched: int, asked_w: float, most_w: float) -> float | None:
    """What is asked is given."""
    if latched or state not in RADIATING or not 0.0 < most_w < math.inf or not asked_w > 0.0:
        return None
    return asked_w


@pytest.mark.parametrize("permit", [no_nan, latch_ignored, uncut])
def test_a_broken_permit_is_refuted(permit: Callable[[State, int, float, float], float | None]) -> None:
    found = refuted(permit_claims(permit))
    assert {"IMPEDANCE_CHECK", "RAMP", "HOLD"} == {str(r.claim.text).rpartition("(")[2][:-1] for r in found}
    for result in found:
        values = result.counterexample
        given = permit(State.RAMP, int(values["latched"]), float(values["asked_w"]), float(values["most_w"]))
        assert given is not None
        assert values["latched"] != 0 or not given <= values["most_w"]


# --- the supervisor, broken -----------------------------------------------------------------------------------------


def broken_supervisor(method: str, sound: str, broken: str) -> type[Supervisor]:
    """The supervisor with one text in one of its methods changed."""
    source = textwrap.dedent(inspect.getsource(getattr(Supervisor, method)))
    assert source.count(sound) == 1
    scope = dict(vars(module))
    exec(compile("from __future__ import annotations\n" + source.replace(sound, broken), "<broken>", "exec"), scope)
    return type("Broken", (Supervisor,), {method: scope[method], "__deepcopy__": _deepcopy})


def _deepcopy(self: Supervisor, memo: dict[int, object]) -> Supervisor:
    twin: Supervisor = object.__new__(type(self))
    twin.__dict__.update(self.__dict__)
    return twin


@pytest.mark.parametrize(
    ("method", "sound", "broken"),
    [
        ("_count", ">= self._persist_us", "> self._persist_us"),
        ("_count", "since.setdefault(bit, now_us)", "since.get(bit, now_us)"),
        ("_count", "since[bit] += passed_us", "del since[bit]"),
        ("_count", "else:\n            del since[bit]", "else:\n            pass"),
        ("_count", "in _bits(armed_true)", "in _bits(armed_true)[:1]"),
        ("_count", "armed_true = violated & here.armed", "armed_true = violated"),
        ("_count", "passed_us = 0\n", "pass\n"),
        ("_latch", "self.latched |= new", "self.latched = new"),
        ("_enter", "if armed >> bit & 1", "if True"),
        ("evaluate", "not self._since_us and ", ""),
    ],
)
def test_a_supervisor_that_counts_otherwise_is_refuted(method: str, sound: str, broken: str) -> None:
    base = new_supervisor(broken_supervisor(method, sound, broken))
    found = next(result for result in (solve(step_claim(base, case)) for case in cases(FEW)) if not result.proved)
    assert found.verdict is Verdict.REFUTED
    assert str(found).startswith("refuted: evaluate: one step does what the rule says (")


@pytest.mark.parametrize(
    ("method", "sound", "broken"),
    [
        ("missed", "violated, _ = ", "self._since_us.clear(); violated, _ = "),
        ("not_gone", "self._last_us - self._last_true_us[bit] >= CLEAR_AFTER_US", "True"),
        ("not_gone", "not self._new_clock and ", ""),
    ],
)
def test_a_supervisor_that_forgets_is_refuted(method: str, sound: str, broken: str) -> None:
    assert refuted(other_claims(broken_supervisor(method, sound, broken)))


# --- what is not proved ---------------------------------------------------------------------------------------------


def test_what_the_solver_cannot_decide_is_not_proved() -> None:
    x, y = z3.FP("x", DOUBLE), z3.FP("y", DOUBLE)
    product = [z3.fpMul(z3.RNE(), double(0.2), term) for term in (x, y)]
    result = solve(Claim("hard", "true, and out of reach", z3.fpLEQ(*product), (z3.fpLEQ(x, y),)), limit=100_000)
    assert result.verdict is Verdict.UNKNOWN
    assert not result.proved
    assert str(result).startswith("unknown: hard")


def test_a_new_row_without_its_formulas_fails_by_name() -> None:
    new: Row = replace(BY_ID["ESTOP"], id="BRAND_NEW")
    with pytest.raises(Unproved, match="BRAND_NEW has no second formula: add it to TEXTS"):
        text_claims([new])
    with pytest.raises(Unproved, match="BRAND_NEW reads estop_pressed: say in WAYS"):
        order_claims([new])
    grown = replace(BY_ID["ESTOP"], condition=flag.estop_pressed | flag.loop_open)
    with pytest.raises(Unproved, match="ESTOP reads estop_pressed, loop_open: say in WAYS"):
        order_claims([grown])
