"""What moving one reading can do to a row: a hotter sentinel never untrips SENTINEL_TEMP, and so on for
each of them.

A product or a sum enters as any value that keeps to the laws of rounding to nearest; `rounding_claims`
proves those laws from what rounding to nearest is.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import z3  # type: ignore[import-untyped, unused-ignore]

from evidence.prove_rows import Unproved, any_limits, numbers, shown
from evidence.prove_solver import Claim
from evidence.terms import NEAREST, Conditions, Inputs, Layout, double, finite
from rfgen.safety.catalogue import ROWS
from rfgen.safety.expr import names_in
from rfgen.safety.row import Row

LARGE = 1e300
"""Signals are held to be less than this, so that a multiple by at most a million cannot overflow."""
FACTOR = 1e6


class Way(enum.Enum):
    """Which move of a signal never untrips a row."""

    UP = "raised, or no longer a number"
    DOWN = "lowered, or no longer a number"
    BAND = "moved outwards from what is fine"
    """What is fine is one interval: between two fine values all are."""
    SET = "set"
    CLEARED = "cleared"


UP, DOWN, BAND, SET, CLEARED = Way
READINGS = "readings"

WAYS: dict[str, dict[str, Way]] = {
    "TC_INVALID": {"tc_reports_fault": SET, READINGS: BAND},
    "OVER_TEMP": {READINGS: UP},
    "OVER_TEMP_HARD": {READINGS: UP},
    "OVERSHOOT": {"over_target_c": UP},
    "UNDER_TEMP": {"under_target_c": UP},
    "SENTINEL_TEMP": {READINGS: UP},
    "SENTINEL_DOSE": {"dose_min": UP},
    "SENTINEL_FORECAST": {"sentinel_level_c": UP, "sentinel_climb_c": UP},
    "TC_RATE": {"tc_rate_c_s": UP},
    "TC_STUCK": {"tc_stuck_share": UP},
    "TC_DISAGREE": {"tc_disagree_c": UP},
    "TC_BASELINE": {
        "baseline_due": SET,
        "coolant_flowing": CLEARED,
        "electrode_spread_c": UP,
        READINGS: BAND,
    },
    "HEATING_STALL": {
        "stall_gain_c": DOWN,
        "stall_asked_c": UP,
        "stall_power_w": UP,
        "stall_allowed_w": DOWN,
    },
    "Z_HIGH": {"impedance_ohm": UP},
    "Z_LOW": {"impedance_ohm": DOWN},
    "Z_UNMEASURED": {"impedance_unmeasured": SET},
    "Z_UNSTABLE": {"check_spread": UP},
    "Z_ROLL_OFF": {"impedance_ohm": UP, "least_ohm": DOWN},
    "Z_JUMP": {"z_jump_ohm": UP, "z_before_ohm": DOWN},
    "POWER_DEVIATION": {"power_off_by_w": UP, "power_expected_w": DOWN},
    "POWER_WHEN_OFF": {"power_while_off_w": UP},
    "RF_STUCK_ON": {"on_while_off": SET},
    "RF_STUCK_OFF": {"off_while_on": SET},
    "OVER_POWER": {"power_w": UP},
    "OVER_CURRENT": {"current_a": UP},
    "OVER_VOLTAGE": {"voltage_v": UP},
    "ENERGY_LIMIT": {"energy_j": UP},
    "METER_DISAGREE": {"meter_off_by_w": UP, "power_w": DOWN},
    "STAGE_FAULT": {"stage_fault": SET, "stage_c": UP},
    "FLOW_LOW": {"flow_ml_min": DOWN, "flow_due_ml_min": UP},
    "COOLANT_TEMP": {"coolant_c": UP},
    "ESTOP": {"estop_pressed": SET},
    "LOOP_OPEN": {"loop_open": SET},
    "RETURN_ELECTRODE": {"return_lost": SET},
    "START_RELEASED": {"start_released": SET},
    "START_STUCK": {"start_stuck": SET},
    "LINK_LOST": {"missed_ticks": UP, "exchange_failed": SET},
    "SAMPLE_STALE": {"sample_stale": SET},
    "CLOCK_SKEW": {"skew_share": UP},
    "SAMPLE_LATE": {"late_ticks": UP},
    "RIG_REBOOT": {"rig_rebooted": SET},
    "RIG_TRIP": {"rig_tripped": SET},
    "TICK_OVERRUN": {"overrun_ticks": UP},
    "CHECK_TIMEOUT": {"check_s": UP},
    "RAMP_TIMEOUT": {"ramp_s": UP},
    "TREATMENT_TIMEOUT": {"on_s": UP},
    "CONFIG_CHANGED": {"config_changed": SET},
    "INTERNAL_ERROR": {"internal_error": SET},
}
"""By row id, for every signal that the row reads."""


def ways_of(row: Row) -> dict[str, Way]:
    """The table's line. Raises Unproved where it is not there, or not about what the row reads."""
    names, _, channels = names_in(row.condition)
    reads = names | ({READINGS} if channels else frozenset())
    found = WAYS.get(row.id)
    if found is None or found.keys() != reads:
        raise Unproved(
            f"row {row.id} reads {', '.join(sorted(reads))}: say in WAYS (evidence/prove_order.py) for each "
            "which way never untrips the row"
        )
    return found


def order_claims(rows: Sequence[Row] = ROWS) -> list[Claim]:
    """One for each row and signal; all of a row's thermocouples may move at once."""
    return [_claim(row, name, way) for row in rows for name, way in ways_of(row).items()]


def _claim(row: Row, name: str, way: Way) -> Claim:
    layout, limits = Layout(), any_limits()
    was, now, far = Inputs(), Inputs(" moved"), Inputs(" moved further")
    for other in (now, far):
        other.absent = was.absent
        other.value |= {same: term for same, term in was.value.items() if same != name}
        if name != READINGS:
            other.tc = was.tc
    fires = {inputs: Conditions(inputs, limits, layout).fires(row.condition) for inputs in (was, now, far)}
    if name == READINGS:
        moves = list(zip(was.tc, now.tc, far.tc, strict=True))
    else:
        moves = [(was.value[name], now.value[name], far.value[name])]
    given = [*layout.given, *numbers(limits, row), *_all_usual(row, was)]
    says = z3.Implies(fires[was], fires[now])
    if way in (SET, CLEARED):
        off, on = (moves[0][0], moves[0][1]) if way is SET else (moves[0][1], moves[0][0])
        given += [z3.Not(off), on]
    elif way is BAND:
        given += [z3.And(usual(a), z3.fpLEQ(a, b), z3.fpLEQ(b, c), usual(c)) for a, b, c in moves]
        says = z3.Implies(fires[now], z3.Or(fires[was], fires[far]))
    else:
        given += [_moved(a, b, way) for a, b, _ in moves]
    return Claim(
        row.id,
        f"it is never untripped by {name} {way.value}",
        says,
        (*given, *laws([*given, says])),
        shown(row, was, layout, limits) | shown(row, now, layout, limits),
    )


def within(x: z3.FPRef, most: float) -> z3.BoolRef:
    """A number, and no larger."""
    return z3.And(z3.fpLEQ(double(-most), x), z3.fpLEQ(x, double(most)))


def usual(x: z3.FPRef) -> z3.BoolRef:
    """A number of a size that a signal may have."""
    return within(x, LARGE)


def _all_usual(row: Row, inputs: Inputs) -> list[z3.BoolRef]:
    names, _, channels = names_in(row.condition)
    terms = [inputs.value[name] for name in sorted(names) if z3.is_fp(inputs.value[name])]
    return [z3.Or(usual(x), z3.Not(finite(x))) for x in terms + (inputs.tc if channels else [])]


def _moved(a: z3.FPRef, b: z3.FPRef, way: Way) -> z3.BoolRef:
    """From a usual value to a usual one that way, or to what is no number at all."""
    further = z3.fpLEQ(a, b) if way is UP else z3.fpLEQ(b, a)
    return z3.And(usual(a), z3.Or(z3.And(usual(b), further), z3.Not(finite(b))))


# --- what a product and a sum keep to -------------------------------------------------------------------------------


def laws(formulas: Sequence[z3.ExprRef]) -> list[z3.BoolRef]:
    """What `rounding_claims` proves, of every product and sum in these formulas; factors are above 0, at
    most a million."""
    found = list(_parts(formulas))
    products = [(e, e.arg(1), e.arg(2)) for e in found if e.decl().kind() == z3.Z3_OP_FPA_MUL]
    sums = [(e, e.arg(1), e.arg(2)) for e in found if e.decl().kind() == z3.Z3_OP_FPA_ADD]
    said = []
    for m, c, x in products:
        said += [_factor(c), z3.Implies(usual(x), within(m, LARGE * FACTOR)), z3.Implies(_none(x), _none(m))]
        said += [
            z3.Implies(z3.And(usual(x), usual(y), z3.fpLEQ(x, y)), z3.fpLEQ(m, n))
            for n, d, y in products
            if n is not m and d.eq(c)
        ]
    for s, a, b in sums:
        small = z3.And(within(a, LARGE * FACTOR), within(b, LARGE * FACTOR))
        said += [z3.Implies(small, finite(s)), z3.Implies(z3.Or(_none(a), _none(b)), _none(s))]
        for t, c, d in sums:
            if t is not s:
                other = z3.And(within(c, LARGE * FACTOR), within(d, LARGE * FACTOR))
                said.append(z3.Implies(z3.And(small, other, z3.fpLEQ(a, c), z3.fpLEQ(b, d)), z3.fpLEQ(s, t)))
    return said


def _factor(c: z3.FPRef) -> z3.BoolRef:
    return z3.And(z3.fpLT(double(0.0), c), z3.fpLEQ(c, double(FACTOR)))


def _none(x: z3.FPRef) -> z3.BoolRef:
    return z3.Not(finite(x))


def _parts(formulas: Sequence[z3.ExprRef]) -> list[z3.ExprRef]:
    """Every part of these formulas, once."""
    seen: dict[int, z3.ExprRef] = {}
    todo = list(formulas)
    while todo:
        part = todo.pop()
        if part.get_id() not in seen:
            seen[part.get_id()] = part
            todo += part.children()
    return list(seen.values())


def rounding_claims() -> list[Claim]:
    """The laws, from what rounding to nearest is: no representable number is nearer than the result, and
    equal numbers round alike. For all real numbers, and for all sets of representable ones."""
    a, b, ra, rb, c, d, most = z3.Reals("a b rounded_a rounded_b c d most")
    nearest = (_size(a - ra) <= _size(a - rb), _size(b - rb) <= _size(b - ra), z3.Implies(a == b, ra == rb))
    x, y, k = z3.FP("x", z3.Float64()), z3.FP("y", z3.Float64()), z3.FP("factor", z3.Float64())
    of = "rounding to nearest"
    ends = (z3.RealVal(str(int(LARGE))), z3.RealVal(str(int(FACTOR))), z3.RealVal(str(int(LARGE * FACTOR))))
    double_most = z3.RealVal(str((2**53 - 1) * 2**971))
    return [
        Claim(of, "keeps the order of two numbers", ra <= rb, (a <= b, *nearest)),
        Claim(of, "never passes a representable number", ra <= most, (a <= most, _size(a - ra) <= _size(a - most))),
        Claim(of, "never passes one below either", ra >= most, (a >= most, _size(a - ra) <= _size(a - most))),
        Claim("multiples", "a factor above 0 keeps the order", c * a <= c * b, (c > 0, a <= b)),
        Claim("sums", "keep the order", a + c <= b + d, (a <= b, c <= d)),
        Claim(
            "multiples",
            "a usual number by at most a million is in range",
            _size(c * a) <= ends[0] * ends[1],
            (_size(a) <= ends[0], c > 0, c <= ends[1]),
        ),
        Claim("sums", "of two such multiples are in range", 2 * ends[2] < double_most),
        Claim(
            "multiples",
            "of what is no number are none",
            _none(z3.fpMul(NEAREST, k, x)),
            (_factor(k), _none(x)),
            {"factor": k, "x": x},
        ),
        Claim(
            "sums",
            "with what is no number are none",
            _none(z3.fpAdd(NEAREST, x, y)),
            (z3.Or(_none(x), _none(y)),),
            {"x": x, "y": y},
        ),
    ]


def _size(x: z3.ArithRef) -> z3.ArithRef:
    return z3.If(x >= 0, x, -x)
