"""The parts of a device profile, each checked by itself; what must hold between them is in `rfgen.device`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rfgen.problems import Fault, Refusal
from rfgen.validation import Strict, as_tuple

Span = Annotated[tuple[float, float], BeforeValidator(as_tuple)]
Pair = Annotated[tuple[int, int], BeforeValidator(as_tuple)]
"""Two channels in one place."""
ELECTRODE_STOUTNESS = 1.23
"""An electrode's active length over its diameter must exceed this for the plant's spheroid to exist."""


class StageModel(Strict):
    """Output stage."""

    max_power_w: float = Field(gt=0, le=400)
    max_voltage_v: float = Field(gt=0, le=1000)
    max_current_a: float = Field(gt=0, le=20)
    slew_w_s: float = Field(gt=0, le=1e5)
    efficiency: float = Field(0.8, gt=0, le=1)


class MeterModel(Strict):
    """Meters: one sigma and one step of each. The noise and steps are assumed where a profile does not give them."""

    phase: bool = False
    voltage_noise_v: float = Field(0.05, ge=0, le=100)
    voltage_resolution_v: float = Field(0.01, gt=0, le=100)
    current_noise_a: float = Field(0.0005, ge=0, le=10)
    current_resolution_a: float = Field(0.0001, gt=0, le=10)
    power_noise_w: float = Field(0.02, ge=0, le=100)
    flow_noise_ml_min: float = Field(0.05, ge=0, le=100)


class ElectrodeModel(Strict):
    """Needle electrode."""

    kind: Literal["monopolar", "bipolar"]
    diameter_mm: float = Field(gt=0, le=10)
    active_length_mm: float = Field(gt=0, le=100)
    gap_mm: float = Field(0.0, ge=0, le=50)
    cooled: bool = False
    lead_ohm: float = Field(1.0, ge=0, le=100)
    return_ohm: float = Field(10.0, ge=0, le=200)

    @model_validator(mode="after")
    def _shape(self) -> ElectrodeModel:
        if self.active_length_mm <= ELECTRODE_STOUTNESS * self.diameter_mm:
            least = ELECTRODE_STOUTNESS * self.diameter_mm
            raise Refusal(
                [Fault(("active_length_mm",), "is too short for its diameter", f"it must be above {least:g} mm")]
            )
        if self.kind == "bipolar" and self.gap_mm <= 0.0:
            raise Refusal(
                [Fault(("gap_mm",), "leaves no gap between two poles", "a bipolar electrode needs gap_mm above 0")]
            )
        return self


class ThermocoupleModel(Strict):
    """One channel. Its place is in the metal, on the shaft or off the axis (mm from the probe's centre), or behind
    the wall."""

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["electrode", "sentinel"] = "electrode"
    place: Literal["electrode", "shaft", "tissue", "posterior_wall"]
    offset_mm: float = Field(0.0, ge=0, le=100)
    lag_s: float = Field(0.3, ge=0, le=60)
    noise_c: float = Field(0.05, ge=0, le=10)
    resolution_c: float = Field(0.0078125, gt=0, le=5)
    cold_junction_c: float = Field(0.1, ge=0, le=5)


class PumpModel(Strict):
    """Coolant pump."""

    max_flow_ml_min: float = Field(gt=0, le=1000)
    flow_ml_min: float = Field(gt=0, le=1000)
    lag_s: float = Field(0.4, gt=0, le=10)
    coolant_c: float = Field(22.0, ge=0, le=40)
    prime_s: float = Field(3.0, gt=0, le=30)
    after_cool_s: float = Field(10.0, ge=0, le=100)

    @model_validator(mode="after")
    def _reachable(self) -> PumpModel:
        if self.flow_ml_min > self.max_flow_ml_min:
            raise Refusal(
                [Fault(("flow_ml_min",), "is more than max_flow_ml_min", f"at most {self.max_flow_ml_min:g} ml/min")]
            )
        return self


class RangesModel(Strict):
    """What a treatment may ask for: [least, most]."""

    target_c: Span | None = None
    power_w: Span
    hold_s: Span

    @model_validator(mode="after")
    def _ordered(self) -> RangesModel:
        faults = []
        for name in ("target_c", "power_w", "hold_s"):
            span = getattr(self, name)
            if span is not None and not 0.0 <= span[0] <= span[1]:
                faults.append(Fault((name,), "is not a range", "give [least, most], 0 or more"))
        if faults:
            raise Refusal(faults)
        return self


class ControlModel(Strict):
    """Control's tuning. See `rfgen.control.plan.Tuning`."""

    kp_w_c: float = Field(gt=0, le=100)
    ki_w_c_s: float = Field(gt=0, le=100)
    approach_s: float = Field(gt=0, le=60)
    start_power_w: float = Field(gt=0, le=50)
    sense_power_w: float = Field(0.5, gt=0, le=5)
    test_power_w: float = Field(gt=0, le=5)
    check_s: float = Field(2.0, gt=0, le=4)
    band_c: float = Field(2.0, gt=0.5, le=5)
    ramp_c_s: float = Field(gt=0, le=10)
    ramp_w_s: float = Field(gt=0, le=50)
    pull_back_ratio: float = Field(1.3, gt=1, le=10)
    pull_back_share: float = Field(0.3, gt=0, lt=1)
    recover_s: float = Field(10.0, gt=0, le=60)


Mode = Literal["temperature", "power", "impedance"]
Fitting = Literal["return_monitor", "start_switch", "stage_temperature", "coolant_temperature", "second_cut"]
