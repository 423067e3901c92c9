"""The operator and the start switch, case by case: what is accepted, what is refused and why."""

from __future__ import annotations

import pytest

from hal import Absence
from rfgen.generator import Generator
from rfgen.records import Event, State
from rfgen.safety.catalogue import ROW_IDS
from tests.properties.streams import LINKED
from tests.safety.generators import (
    ACKNOWLEDGE,
    DEAD_MAN,
    NEW_PATIENT,
    RADIATING,
    START,
    STOP,
    SWITCHED,
    Bench,
    config,
    ids,
    in_state,
    shown,
)

# --- the operator ---------------------------------------------------------------------------------------------------


def test_a_start_needs_a_sample_first() -> None:
    assert Bench().refusal(START) == "the rig's last reply was not a sample"
    bench = Bench()
    bench.tick()
    bench.missed(Absence.TIMEOUT)
    assert bench.refusal(START) == "the rig's last reply was not a sample"
    assert bench.refusal(START) is None
    assert bench.generator.state is State.IMPEDANCE_CHECK


@pytest.mark.parametrize("state", [*RADIATING, State.CUTOFF])
def test_a_start_is_for_idle_alone(state: State) -> None:
    bench = in_state(state)
    assert bench.refusal(START) == f"the generator is in {state.name}, and starts from IDLE alone"
    assert bench.generator.state is state


def test_a_start_with_something_latched_is_refused() -> None:
    bench = Bench()
    bench.tick()
    bench.generator.supervisor.trip("ENERGY_LIMIT")
    assert bench.refusal(START) == "an interlock has tripped"


@pytest.mark.parametrize("state", RADIATING)
def test_a_stop_is_obeyed_at_once_and_only_where_something_runs(state: State) -> None:
    bench = in_state(state)
    decision = bench.tick(STOP)
    assert (decision.state, decision.rf_off, decision.command.rf_on) == (State.CUTOFF, True, False)
    assert bench.generator.reason == "operator_stop"
    assert bench.told("state")[-1].text == f"{state.name} to CUTOFF: operator_stop"
    assert bench.refusal(STOP) == "nothing is running in CUTOFF"
    assert Bench().refusal(STOP) == "nothing is running in IDLE"


def test_a_new_patient_is_declared_in_idle_alone() -> None:
    for state in (*RADIATING, State.CUTOFF):
        assert in_state(state).refusal(NEW_PATIENT) == f"a patient is declared in IDLE, not in {state.name}"
    bench = Bench()
    for _ in range(50):
        bench.tick(temperature_c=(37.0, 37.0, 50.0))
    spent = bench.generator.deriver._dose._minutes
    assert spent > 1.0
    assert bench.refusal(NEW_PATIENT, temperature_c=(37.0, 37.0, 36.0)) is None
    assert bench.generator.deriver._dose._minutes == 0.0


@pytest.mark.parametrize("state", [State.IDLE, *RADIATING])
def test_an_acknowledge_is_for_cutoff_alone(state: State) -> None:
    bench = in_state(state)
    assert bench.refusal(ACKNOWLEDGE, LINKED) == f"there is nothing to acknowledge in {state.name}"
    assert bench.generator.state is state


def test_an_acknowledge_needs_a_link_and_leads_to_idle() -> None:
    bench = in_state(State.CUTOFF)
    assert bench.refusal(ACKNOWLEDGE) == "no new link to the rig could be made"
    assert bench.generator.state is State.CUTOFF
    assert bench.refusal(ACKNOWLEDGE, LINKED) is None
    assert bench.generator.state is State.IDLE
    assert bench.generator.reason is None
    assert bench.generator.supervisor.latched == 0
    assert bench.told("state")[-1].text == "CUTOFF to IDLE"
    bench.tick()
    bench.tick(START)
    assert bench.generator.state is State.IMPEDANCE_CHECK


def test_an_acknowledge_says_which_causes_are_not_gone() -> None:
    bench = in_state(State.RAMP)
    bench.tick(estop_pressed=True, loop_closed=False, power_w=450.0)
    assert bench.generator.reason == "OVER_POWER"
    because = bench.refusal(ACKNOWLEDGE, LINKED, estop_pressed=True)
    assert because == "the cause is not gone: ESTOP, LOOP_OPEN"
    for _ in range(51):
        bench.tick()
    assert bench.refusal(ACKNOWLEDGE, LINKED) is None


def test_a_new_link_is_what_a_lost_one_waits_for_and_readings_start_again_on_it() -> None:
    bench = in_state(State.RAMP)
    for n in range(3):
        decision = bench.missed(Absence.TIMEOUT)
        assert ids(decision.tripped) == (["LINK_LOST"] if n == 2 else [])
    assert bench.generator.reason == "LINK_LOST"
    assert bench.refusal(ACKNOWLEDGE, LINKED) is None
    bench = in_state(State.RAMP)
    bench.tick(estop_pressed=True)
    for _ in range(60):
        bench.tick()
    # gone on the old link; asked for on a new one, after which it is judged again
    assert bench.refusal(ACKNOWLEDGE, LINKED) is None


def test_a_rig_that_booted_is_acknowledged_twice() -> None:
    bench = in_state(State.CUTOFF)
    booted = LINKED._replace(boot_count=2)
    assert bench.refusal(ACKNOWLEDGE, booted) == "the rig has booted since the last link"
    trip = bench.told("trip")[-1]
    assert shown(trip) == ("RIG_REBOOT", ROW_IDS.index("RIG_REBOOT"), False, "boot count 2, and it was 1", 0.0)
    assert trip.text.startswith("RIG_REBOOT: boot count 2, and it was 1, ")
    assert bench.generator.reason == "operator_stop"
    assert bench.refusal(ACKNOWLEDGE, booted) is None
    assert bench.generator.state is State.IDLE


def test_the_first_link_of_all_is_no_boot() -> None:
    bench = Bench()
    bench.until(State.IMPEDANCE_CHECK)
    bench.tick(STOP)
    assert bench.refusal(ACKNOWLEDGE, LINKED._replace(boot_count=9)) is None
    assert not bench.told("trip")


def test_the_first_link_is_told() -> None:
    generator = Generator(config())
    generator.linked(LINKED)
    assert generator.happened
    assert generator.take_events() == [Event(0, 0, "link", "linked: test", {"boot_count": 1})]
    assert not generator.happened
    assert generator.take_events() == []


def test_after_a_refused_acknowledge_the_good_second_is_one_of_the_new_links_clock() -> None:
    """That the rig's clock began again at nothing is neither a stale sample nor a second that never ends."""
    bench = in_state(State.RAMP)
    bench.tick(estop_pressed=True)
    bench.tick()
    assert bench.refusal(ACKNOWLEDGE, LINKED, rig_time_us=20_000) == "the cause is not gone: ESTOP"
    for n in range(2, 52):
        bench.tick(rig_time_us=n * 20_000)
    assert [trip.data["id"] for trip in bench.told("trip")] == ["ESTOP"]
    assert bench.refusal(ACKNOWLEDGE, LINKED, rig_time_us=52 * 20_000) is None


def test_a_treatment_after_another_starts_afresh() -> None:
    bench = in_state(State.HOLD)
    old = bench.generator.controller
    assert bench.generator.deriver.on_ticks > 10
    bench.tick(STOP)
    bench.tick(ACKNOWLEDGE, linked=LINKED)
    bench.rig.tip_c = 37.0
    for _ in range(10):
        bench.tick()
    idle = bench.generator.controller
    assert idle is not old
    assert idle.asked_w == 0.0
    bench.tick()
    bench.tick(START)
    assert bench.generator.controller is not idle
    assert bench.generator.deriver.on_ticks == 0
    assert bench.until(State.RAMP).step == 0


# --- switches -------------------------------------------------------------------------------------------------------

STUCK = "START_STUCK: The start switch was pressed just before the start was asked for. Release it for half a second."


def test_a_start_switch_must_have_been_released_for_half_a_second() -> None:
    bench = Bench(config(features=SWITCHED))
    for _ in range(30):
        bench.tick()
    bench.tick(start_pressed=True)
    assert bench.refusal(START) == STUCK
    for _ in range(30):
        bench.tick()
    assert bench.refusal(START) is None
    # and without one it says nothing
    bench = Bench()
    bench.tick(start_pressed=True)
    assert bench.refusal(START) is None


def test_a_dead_mans_press_is_the_start_and_its_release_the_end() -> None:
    bench = Bench(config(features=DEAD_MAN))
    for _ in range(40):
        bench.tick()
    assert bench.refusal(START) == "on this profile the start switch is pressed, and held, to start"
    for _ in range(40):
        bench.tick()
    bench.tick(start_pressed=True)
    assert bench.generator.state is State.IDLE
    bench.tick(start_pressed=True)
    assert bench.generator.state is State.IMPEDANCE_CHECK
    assert len([e for e in bench.told("operator") if e.data["accepted"]]) == 1
    for _ in range(20):
        bench.tick(start_pressed=True)
    assert len(bench.told("operator")) == 2
    for n in range(6):
        decision = bench.tick(start_pressed=False)
        assert ids(decision.tripped) == (["START_RELEASED"] if n == 5 else [])
    # pressed in CUTOFF it asks for nothing
    for _ in range(5):
        bench.tick(start_pressed=True)
    assert len(bench.told("operator")) == 2


def test_a_dead_mans_switch_that_is_held_from_the_start_starts_nothing() -> None:
    bench = Bench(config(features=DEAD_MAN))
    for _ in range(60):
        bench.tick(start_pressed=True)
    assert bench.generator.state is State.IDLE
    assert [e.data["refused_because"] for e in bench.told("operator")] == [STUCK]


def test_a_switch_that_no_profile_watches_is_nobodys() -> None:
    bench = Bench()
    for _ in range(40):
        bench.tick()
    for _ in range(5):
        bench.tick(start_pressed=True)
    assert bench.generator.state is State.IDLE
    assert not bench.told("operator")
