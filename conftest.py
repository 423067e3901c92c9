"""How Hypothesis runs every test here: no deadline, for a busy machine is no defect, and with what repeats a failure."""

from hypothesis import settings

settings.register_profile("rfgen", settings.default, deadline=None, print_blob=True)
settings.load_profile("rfgen")
