# ruff: noqa: E501 (prose for a page)
"""`make validate`: the field plant held against published lesion sizes; writes docs/validation.md."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from evidence.page import Page
from sim.field.options import FieldOptions
from sim.field.study import Study
from sim.geometry import Electrode
from sim.network import Anatomy
from sim.tissue import TISSUES

GAUGE_MM = {22: 0.72, 16: 1.65}
LEVELS = (
    ("Omega = 1, liver and muscle", {"omega": 1.0}),
    ("50 C", {"isotherm_c": 50.0}),
    ("60 C", {"isotherm_c": 60.0}),
)


def cosman(gauge: int, tip_c: float, tissue: str, start_c: float) -> Study:
    """A cannula of 10 mm tip, held for 2 min ex vivo (no blood)."""
    electrode = Electrode("monopolar", GAUGE_MM[gauge], 10.0)
    one = TISSUES[tissue]
    s = Study(electrode, Anatomy(target=one, surrounding=one, perfusion_scale=0.0, body_c=start_c), FieldOptions())
    s.advance(120.0, tip_c=tip_c)
    return s


def nidus(sigma_s_m: float) -> Study:
    """A nidus of 10 mm in trabecular bone, 17 ga, 90 C for 300 s."""
    bone = dataclasses.replace(TISSUES["cancellous_bone"], conductivity_s_m=sigma_s_m)
    s = Study(Electrode("monopolar", 1.47, 10.0), Anatomy(TISSUES["muscle"], 5.0, bone), FieldOptions())
    s.advance(300.0, tip_c=90.0)
    return s


def main() -> None:
    """The page."""
    page = Page("The field plant against published lesions", "make validate")
    page.say(
        "No constant is tuned to a row. Free choices, because the rows do not give them: tissue, tip length (10 mm), start "
        "temperature, no blood ex vivo, the level that counts as lesion. Tissue, start and level are swept, the rest is not yet."
    )
    page.section("Cosman, Dolensky and Hoffman 2014: 2 min, 22 and 16 ga")
    rows = []
    for tissue, start_c in (("muscle", 37.0), ("liver", 37.0), ("muscle", 22.0)):
        runs = {(g, c): cosman(g, c, tissue, start_c) for g, c in ((22, 60.0), (22, 80.0), (22, 90.0), (16, 80.0))}
        for name, level in LEVELS:
            w = {key: s.lesion(**level) for key, s in runs.items()}
            thin, thick = w[22, 80.0].width_mm, w[16, 80.0].width_mm
            more = 100 * (thick / thin - 1)
            hot = (
                100 * (w[22, 90.0].width_mm / max(w[22, 60.0].width_mm, 1e-9) - 1)
                if w[22, 60.0].width_mm
                else float("inf")
            )
            over = w[22, 80.0].length_mm - 10.0
            rows += [
                (
                    f"{tissue} from {start_c:g} C, {name}: width at 22 ga",
                    "5-7 mm",
                    f"{thin:.1f} mm",
                    "in" if 5 <= thin <= 7 else "out",
                ),
                (
                    f"{tissue}, {name}: width at 16 ga",
                    "8-11 mm",
                    f"{thick:.1f} mm",
                    "in" if 8 <= thick <= 11 else "out",
                ),
                (
                    f"{tissue} from {start_c:g} C, {name}: 22 to 16 ga",
                    "+58-65 %",
                    f"{more:+.0f} %",
                    "in" if 58 <= more <= 65 else "out",
                ),
                (
                    f"{tissue}, {name}: 60 to 90 C, 22 ga",
                    "+108-152 %",
                    f"{hot:+.0f} %",
                    "in" if 108 <= hot <= 152 else "out",
                ),
                (
                    f"{tissue}, {name}: length beyond the tip",
                    "1-5 mm",
                    f"{over:.1f} mm",
                    "in" if 1 <= over <= 5 else "out",
                ),
            ]
    page.table(("row", "published", "here", "in or out"), rows)
    page.say(
        "No one choice brings every row in. The sizes depend on the level that counts as lesion more than on anything else "
        "here; the ratio between 22 and 16 ga comes out low with all of them, and why is not known yet (the cannula is "
        "solid steel here, the real one a tube)."
    )
    page.section("Irastorza 2016: osteoid osteoma, 17 ga, 90 C, 300 s")
    rows = []
    for sigma, published in ((0.02, 24.0), (0.087, 18.0)):
        s = nidus(sigma)
        rows += [
            (
                f"trabecular {sigma:g} S/m, {n}",
                f"{published:g} mm",
                f"{s.lesion(**v).width_mm:.1f} mm",
                "in" if abs(s.lesion(**v).width_mm - published) <= 3 else "out",
            )
            for n, v in LEVELS
        ]
    page.table(("row", "published", "here", "within 3 mm"), rows)
    page.say(
        "3 mm is what a patient-specific model reaches (Eur Radiol Exp 2022, quartiles -3 to 3 mm). Nidus as muscle (assumed)."
    )
    page.section("Rows not run yet")
    page.say(
        "Irastorza's cortical layer, Groetz, Bornemann, Nakatsuka, Lee, da Fonseca. Groetz's array cannot be posed: the plant has needles alone."
    )
    page.write(Path("docs/validation.md"))


if __name__ == "__main__":
    main()
