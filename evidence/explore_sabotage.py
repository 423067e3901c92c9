"""The real generator with one defect put in, each of which must be found: a search that cannot fail shows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from evidence.explore_choices import Scope
from evidence.explore_search import Found, Search
from evidence.explore_subject import PERIOD_US, Build, link
from hal import Command, RigInfo, Sample
from rfgen.generator import OPERATOR_STOP, Generator
from rfgen.records import Decision, OperatorAction, State
from rfgen.safety.row import Row
from rfgen.safety.signals import Signals
from rfgen.safety.supervisor import Supervisor


class _ForgetsWhatIsOver(Supervisor):
    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        violated, tripped = super().evaluate(state, signals, now_us)
        self.latched &= violated
        return violated, tripped


class _RampsAtOnce(Generator):
    def _run(self, state: State, sample: Sample, signals: Signals) -> None:
        if state is State.IMPEDANCE_CHECK:
            self.controller.begin_ramp(sample.temperature_c[0], first=True)
            self._move("check_passed")
        else:
            super()._run(state, sample, signals)


class _HoldsOnAtStop(Generator):
    def _cut(self, reason: str) -> None:
        if reason != OPERATOR_STOP or self.machine.state is not State.HOLD:
            super()._cut(reason)


class _TellsTheLastReason(Generator):
    def _trip(self, tripped: int, signals: Signals | None = None, said: str = "") -> None:
        super()._trip(tripped, signals, said)
        self.reason = self._announce(tripped)[0].id


class _ForgetsTheCause(Supervisor):
    def not_gone(self) -> tuple[str, ...]:
        return ()


class _NeverGone(Supervisor):
    def not_gone(self) -> tuple[str, ...]:
        return tuple(row.id for bit, row in enumerate(self.rows) if self.latched >> bit & 1)


class _SkipsMissedTicks(Supervisor):
    def missed(self, state: State, signals: Signals) -> tuple[int, int]:
        self._since_us.clear()
        return super().missed(state, signals)


class _TakesHeldForFine(Supervisor):
    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        held = self._by_state[state].judge(signals)[1]
        found = super().evaluate(state, signals, now_us)
        for bit in [b for b in self._since_us if held >> b & 1]:
            del self._since_us[bit]
        return found


class _StopsAtTheFirst(Supervisor):
    def _latch(self, tripped: int, now_us: int) -> int:
        return super()._latch(tripped & -tripped, now_us)


class _CountsGoodFromTheTrip(Supervisor):
    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        before, on_new_clock = dict(self._last_true_us), self._new_clock
        found = super().evaluate(state, signals, now_us)
        if not on_new_clock:
            self._last_true_us.update(before)
        return found


class _TakesAnyRig(Generator):
    def _refusal(self, action: OperatorAction, linked: RigInfo | None) -> str | None:
        if linked is not None:
            self._boot_count = linked.boot_count
        return super()._refusal(action, linked)


class _NeedsNoLink(Generator):
    def _refusal(self, action: OperatorAction, linked: RigInfo | None) -> str | None:
        return super()._refusal(action, linked or link(1))


class _CutsATickLate(Generator):
    def _command(self, state: State, violated: int, tripped: int, cut: bool) -> Decision:
        decision = super()._command(state, violated, tripped, cut)
        if not cut:
            return decision
        return decision._replace(command=Command(decision.command.tick, True, 1.0, 0.0), rf_off=False)


class _PumpsOn(Generator):
    def _trip(self, tripped: int, signals: Signals | None = None, said: str = "") -> None:
        flow_ml_min = self.controller.asked_flow_ml_min
        super()._trip(tripped, signals, said)
        self.controller.asked_flow_ml_min = flow_ml_min


class _SwallowsItsErrors(Generator):
    def _failed(self, error: Exception) -> Decision:
        return self._command(self.machine.state, 0, 0, False)


class _NeverTimesOut(Supervisor):
    def evaluate(self, state: State, signals: Signals, now_us: int) -> tuple[int, int]:
        return super().evaluate(state, signals._replace(ramp_s=None), now_us)


def _a_tick_early(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(replace(row, persist_us=max(0, row.persist_us - PERIOD_US)) for row in rows)


def _a_moment_late(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(replace(row, persist_us=row.persist_us + (row.persist_us > 0)) for row in rows)


def _not_in_hold(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(replace(row, armed=row.armed - {State.HOLD}) if row.id == "Z_HIGH" else row for row in rows)


class Sabotage(NamedTuple):
    """A defect, where to look for it, and the invariant that it breaks first."""

    build: Build
    scope: Scope
    invariant: str


SAME_TICK = "a true armed row puts RF off in the same tick"
STAYS = "what tripped stays latched until it is acknowledged"
LEFT = "CUTOFF is left by acknowledge alone, with the cause gone"
HOME = "an acknowledge with every cause gone leads to IDLE"
EARLY = "a row trips when its persistence is over, not before"

_Z = Scope(("Z_HIGH",), 1)
_STOP = Scope(("ESTOP",), 1)

SABOTAGES: dict[str, Sabotage] = {
    "latch cleared on recovery": Sabotage(Build(supervisor=_ForgetsWhatIsOver), _Z, STAYS),
    "RAMP round the check": Sabotage(Build(_RampsAtOnce), _Z, "no way to RAMP round the check"),
    "stop ignored in HOLD": Sabotage(Build(_HoldsOnAtStop), _Z, "a stop request is always obeyed"),
    "reason overwritten": Sabotage(
        Build(_TellsTheLastReason), Scope(("ESTOP", "LOOP_OPEN")), "the first reason is kept"
    ),
    "CUTOFF left with the cause there": Sabotage(Build(supervisor=_ForgetsTheCause), _STOP, LEFT),
    "acknowledge never accepted": Sabotage(Build(supervisor=_NeverGone), _Z, HOME),
    "persistence a tick short": Sabotage(Build(change_rows=_a_tick_early), _Z, EARLY),
    "persistence a microsecond long": Sabotage(Build(change_rows=_a_moment_late), _Z, SAME_TICK),
    "not armed in HOLD": Sabotage(Build(change_rows=_not_in_hold), _Z, "every armed row is read in every tick"),
    "a missed tick starts the count again": Sabotage(Build(supervisor=_SkipsMissedTicks), _Z, SAME_TICK),
    "held taken for fine": Sabotage(Build(supervisor=_TakesHeldForFine), _Z, SAME_TICK),
    "the second trip of a tick lost": Sabotage(
        Build(supervisor=_StopsAtTheFirst), Scope(("ESTOP", "LOOP_OPEN")), SAME_TICK
    ),
    "good counted from the trip on": Sabotage(Build(supervisor=_CountsGoodFromTheTrip), _STOP, LEFT),
    "a booted rig taken as it is": Sabotage(Build(_TakesAnyRig), Scope(("RIG_REBOOT",), 1), LEFT),
    "acknowledged without a link": Sabotage(Build(_NeedsNoLink), _Z, LEFT),
    "RF off a tick late": Sabotage(Build(_CutsATickLate), _Z, "RF only in check, ramp and hold"),
    "pump goes on though it is the cause": Sabotage(
        Build(_PumpsOn), Scope(("FLOW_LOW",), 1), "a pump that is the cause does not go on"
    ),
    "its own errors swallowed": Sabotage(Build(_SwallowsItsErrors), Scope(("INTERNAL_ERROR",), 1), SAME_TICK),
    "the ramp never times out": Sabotage(
        Build(supervisor=_NeverTimesOut), Scope(("Z_HIGH",), 1, None, True), SAME_TICK
    ),
}


def search(name: str) -> Found:
    """Explore with this defect in."""
    sabotage = SABOTAGES[name]
    return Search(sabotage.scope, sabotage.build).run()
