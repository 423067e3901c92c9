"""What this generator has to do, whatever is behind its hardware abstraction layer.

`pytest` runs it on the simulation, `pytest --rig serial:PORT` on a rig. Bounds are written out: they are what is asked
of the firmware, not what it says of itself.
"""

import pytest

from rfgen.testing import Refused, State

PHANTOM = "scenarios/phantom.yaml"
VERTEBRA = "scenarios/vertebra.yaml"


@pytest.mark.scenario(VERTEBRA)
@pytest.mark.state("hold")
@pytest.mark.needs("pump", "pump_stopped")
def test_a_pump_that_stops_trips_in_time(treatment, fault):
    """Flow runs down in half a second, and may be low for half a second more."""
    with fault("pump_stopped"):
        treatment.advance_until("cutoff", within_s=1.2)
    assert treatment.tripped == ("FLOW_LOW",)
    assert not treatment.commanded.rf_on
    treatment.advance(0.04)
    assert not treatment.read.rf_on


@pytest.mark.scenario(PHANTOM)
@pytest.mark.state("hold")
def test_the_hold_stays_in_its_band(treatment):
    """Within 3 °C of the target from two seconds after it was reached, to the end; then cut off by itself."""
    treatment.advance(2)
    for now in treatment.ticks(7):
        assert now.state is State.HOLD
        assert 57 < now.read_c("tip") < 63
    treatment.advance_until("cutoff", within_s=5)
    assert treatment.reason == "hold_complete"


@pytest.mark.scenario(PHANTOM)
@pytest.mark.parametrize("state", ["impedance_check", "ramp", "hold"])
def test_the_operator_can_stop_it_in_any_state(treatment, state):
    treatment.start()
    treatment.advance_until(state, within_s=120)
    treatment.stop()
    assert (treatment.state, treatment.reason) == (State.CUTOFF, "operator_stop")
    assert not treatment.commanded.rf_on
    treatment.advance(0.04)
    assert not treatment.read.rf_on


@pytest.mark.scenario(PHANTOM)
def test_power_stays_within_the_treatment_s_limit(treatment):
    """The scenario allows 6 W: no more is ever commanded, and a meter may read a tenth more."""
    treatment.start()
    most_w = 0.0
    while treatment.state is not State.HOLD:
        treatment.advance(0.1)
        assert treatment.state is not State.CUTOFF, treatment.status()
        assert treatment.commanded.power_w <= 6.0
        assert treatment.read.power_w <= 6.6
        most_w = max(most_w, treatment.commanded.power_w)
    assert most_w > 1.0  # it was not idle


@pytest.mark.scenario(PHANTOM)
@pytest.mark.state("ramp")
def test_it_recovers_after_an_acknowledge_and_not_before(treatment, fault):
    """The line falls silent: RF off; and no new treatment until the line is back and somebody has acknowledged."""
    with fault("line_silent"):
        treatment.advance_until("cutoff", within_s=0.2)
        assert treatment.tripped == ("LINK_LOST",)
        with pytest.raises(Refused, match="no new link"):
            treatment.acknowledge()
    with pytest.raises(Refused, match="starts from IDLE alone"):
        treatment.start()
    treatment.acknowledge()
    assert treatment.state is State.IDLE
    treatment.cool_down(within_s=600)
    treatment.start()
    treatment.advance_until("ramp", within_s=15)
