"""The names of the promises: what a scenario's `expect.kept` may say. `rfgen.falsify.promises` has what they mean."""

NAMES = (
    "limit-overshot",
    "target-overshot",
    "trip-late",
    "unnecessary-trip",
    "hold-out-of-band",
    "sentinel-peak",
    "dose-overrun",
    "rf-outside",
    "power-beyond",
)
