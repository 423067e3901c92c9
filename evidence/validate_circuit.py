# ruff: noqa: E501 (prose for a page)
"""What the generator sees: impedance at roll-off (Lee; da Fonseca 2021), and properties by temperature (Kumru, Karaki)."""

from __future__ import annotations

from typing import NamedTuple

from evidence.page import Page
from evidence.validate_cosman import Choice, ran, sizes
from evidence.validate_rows import Row, choices, show
from sim.field.options import FieldOptions
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy
from sim.tissue import CONDUCTIVITY_RISE_PER_C, TISSUES

ROLL_OFF_OHM = 700.0


class Liver(NamedTuple):
    """What the rows do not give."""

    power_w: float = 50.0
    gap_mm: float = 10.0
    pole_mm: float = 15.0
    diameter_mm: float = 1.8
    cooled: bool = True
    start_c: float = 22.0
    pause_s: float = 10.0
    bipolar: bool = True
    lets_go_ohm: float = ROLL_OFF_OHM


class Course(NamedTuple):
    """First passage above 700 ohm (s, NaN: never), mean power in the two minutes after it, least and greatest impedance
    over the first, per cent of start and of the least."""

    passed_s: float
    after_w: float
    fall_pct: float
    rise_pct: float


def roll_off(choice: Liver, for_s: float = 600.0) -> Course:
    """Constant power, switched off for a pause whenever the impedance is above 700 ohm."""
    liver = TISSUES["liver"]
    electrode = Electrode(
        "bipolar" if choice.bipolar else "monopolar",
        choice.diameter_mm,
        choice.pole_mm,
        choice.gap_mm if choice.bipolar else 0.0,
        cooled=choice.cooled,
    )
    s = Study(
        electrode,
        Anatomy(liver, 12.0, liver, perfusion_scale=0.0, body_c=choice.start_c),
        FieldOptions(),
        flow_ml_min=80.0 if choice.cooled else 0.0,
        coolant_c=min(10.0, choice.start_c),
    )
    first = least = most = s.impedance_ohm
    passed_s, on_again_s = float("nan"), 0.0
    energy_j = 0.0
    while s.time_s < for_s and not s.time_s > passed_s + 120.0:
        power_w = choice.power_w if s.time_s >= on_again_s else 0.0
        s.advance(0.2, power_w=power_w)
        ohm = s.impedance_ohm
        if passed_s == passed_s:
            energy_j += 0.2 * power_w
        if power_w > 0.0:
            if passed_s != passed_s:
                least = min(least, ohm)
            most = max(most, ohm)
            if ohm > choice.lets_go_ohm:
                on_again_s = s.time_s + choice.pause_s
                passed_s = s.time_s if passed_s != passed_s else passed_s
    after_w = energy_j / 120.0 if passed_s == passed_s else float("nan")
    return Course(passed_s, after_w, 100.0 * (1.0 - least / first), 100.0 * (most / least - 1.0))


def impedance(page: Page) -> list[Row]:
    """Both rows on the impedance."""
    page.section("Roll-off: Lee (bipolar, ex vivo liver); da Fonseca 2021 (50 ablations ex vivo)")
    page.say(
        "Given by Lee: bipolar, ex vivo liver, a generator controlled by impedance: it *intermittently rose to above 700 ohm*, then power below 30 W. Given by da Fonseca: it falls by 22.4 % to its minimum and rises by "
        "545 % at roll-off. Chosen for both: cooled, two poles of 15 mm, 10 mm between, 1.8 mm thick; 50 W from 22 C; off for 10 s whenever it passes 700 ohm. Bands are assumed: a fall and a rise within a third."
    )
    base = Liver()
    table, found = [], roll_off(base)
    for name, choice in choices(
        base,
        {
            "base": {},
            "30 W": {"power_w": 30.0},
            "40 W": {"power_w": 40.0},
            "80 W": {"power_w": 80.0},
            "not cooled": {"cooled": False},
            "not cooled, 30 W": {"cooled": False, "power_w": 30.0},
            "pause of 5 s": {"pause_s": 5.0},
            "pause of 20 s": {"pause_s": 20.0},
            "from 37 C": {"start_c": 37.0},
            "poles of 10 mm": {"pole_mm": 10.0},
            "lets go at 1500 ohm": {"lets_go_ohm": 1500.0},
            "monopolar, 30 mm": {"bipolar": False, "pole_mm": 30.0},
        },
    ):
        one = roll_off(choice)
        passed = f"{one.passed_s:.0f}" if one.passed_s == one.passed_s else "never"
        after = f"{one.after_w:.0f}" if one.passed_s == one.passed_s else "-"
        table.append((name, passed, after, f"{one.fall_pct:.0f}", f"{one.rise_pct:.0f}"))
    fall = (
        "how far the impedance falls. It follows from how warm the tissue between the poles is before the first vapour: 1.8 % per degree (published: 1.5 to 2) from 22 C to near boiling is more than a factor of two near "
        "the poles. Their conditions are on no page here; a start in the body's warmth, more power and less cooling make it less."
    )
    rise = (
        "how far it rises: it is the share of conductivity that vapour leaves, 1 % (assumed), how far the dry layer closes round the poles, and when the generator lets go. At 700 ohm it lets go here, which alone sets "
        "what can be seen."
    )
    rows = [
        Row("Lee: passes 700 ohm, after", "yes", 0.0, 600.0, found.passed_s, "s", "it does not pass 700 ohm", 0),
        Row(
            "Lee: mean power in the two minutes after",
            "below 30 W",
            0.0,
            30.0,
            found.after_w,
            "W",
            "the generator's own law is not known; the pause decides",
            0,
        ),
        Row("da Fonseca: falls to its minimum by", "22.4 %", 15.0, 30.0, found.fall_pct, "%", fall, 0),
        Row("da Fonseca: rises at roll-off by", "545 %", 363.0, 727.0, found.rise_pct, "%", rise, 0),
    ]
    show(page, rows)
    page.table(("choice", "lets go after, s", "W after", "falls, %", "rises, %"), table)
    return rows


def properties(page: Page) -> list[Row]:
    """Properties by temperature."""
    page.section("Properties by temperature")
    page.say(
        "Kumru's animal data were held against their own simulation (R2 0.88-0.98); the courses are not published here, so what can be held against the plant are the figures by temperature. No bands are given: a fifth is "
        "assumed for them."
    )
    muscle, options = TISSUES["muscle"], FieldOptions()

    def sigma(t_c: float) -> float:
        return muscle.conductivity_s_m * (1.0 + options.conductivity_rise_per_c * (t_c - 37.0))

    def k(t_c: float) -> float:
        return muscle.thermal_conductivity_w_m_k * (1.0 + options.thermal_rise_per_c * (t_c - 37.0))

    steep = (
        "Kumru's muscle rises more steeply than the plant's: 3.4 % per degree of its value at 37 C against 1.8 (published elsewhere: 1.5 to 2), and its thermal conductivity by 0.9 % against 0.2 (assumed). Both can be "
        "set in a scenario (`conductivity_rise_per_c`, `thermal_rise_per_c`); what that does to a lesion is below."
    )
    liver = TISSUES["liver"]
    boiling = 1.0 + liver.boil_off_j_m3 / liver.volumetric_heat_j_m3_k / 5.0
    rows = [
        Row(
            "conductivity rises by (bovine liver)",
            "1.82 +- 0.28 %/C",
            1.54,
            2.10,
            100 * CONDUCTIVITY_RISE_PER_C,
            "%/C",
            digits=2,
        ),
        Row("Kumru, muscle at 20 C: conductivity", "0.36 S/m", 0.29, 0.43, sigma(20.0), "S/m", steep, 2),
        Row("Kumru, muscle at 90 C: conductivity", "1.28 S/m", 1.02, 1.54, sigma(90.0), "S/m", steep, 2),
        Row("Kumru, muscle at 20 C: thermal conductivity", "0.33 W/m/K", 0.26, 0.40, k(20.0), "W/m/K", steep, 2),
        Row("Kumru, muscle at 90 C: thermal conductivity", "0.57 W/m/K", 0.46, 0.68, k(90.0), "W/m/K", steep, 2),
        Row(
            "Karaki, liver near boiling: heat capacity",
            "fivefold",
            4.0,
            6.0,
            boiling,
            "fold, 100 to 105 C",
            "the plant has no rise before 100 C and then all of the water's latent heat within 5 C (assumed), so a step where Karaki's apparent capacity rises by degrees from below boiling. It matters where tissue boils; no lesion row above does.",
        ),
    ]
    show(page, rows)
    base = Choice()
    steeper = base._replace(
        conductivity=0.57 / 0.4425,
        conductivity_rise_per_c=0.0131 / 0.57,
        thermal=0.40 / 0.495,
        thermal_rise_per_c=0.0034 / 0.40,
    )
    plain, changed = (sizes(ran(one), one.level, one.tip_mm) for one in (base, steeper))
    page.say(
        "With Kumru's lines for both (0.57 S/m and 0.40 W/m/K at 37 C, by interpolation), Cosman's base case gives "
        f"{changed.thin_mm:.1f} and {changed.thick_mm:.1f} mm ({changed.wider_pct:+.0f} %) instead of {plain.thin_mm:.1f} and {plain.thick_mm:.1f} mm ({plain.wider_pct:+.0f} %)."
    )
    return rows
