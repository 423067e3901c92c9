"""How Hypothesis runs every test: no deadline, for a busy machine is no defect; a failure says how to repeat it."""

from hypothesis import settings

settings.register_profile("rfgen", settings.default, deadline=None, print_blob=True)
settings.load_profile("rfgen")
