"""Tests of a generator's firmware on a rig, simulated or real: what the pytest plugin is made of, usable without it.

    from rfgen.testing import Treatment

    with Treatment("vertebra-metastasis") as treatment:
        treatment.start()
        treatment.advance_until("hold", within_s=180)
        with treatment.fault("pump_stopped"):
            treatment.advance_until("cutoff", within_s=3)
        assert treatment.tripped == ("FLOW_LOW",)

Not responsible for: judging a whole scenario against its `expect` (`rfgen check` does).
"""

from hal import Command, Sample
from rfgen.faultpanel import PutFault
from rfgen.records import State
from rfgen.testing.errors import Lacking, NotReached, NotRead, Refused
from rfgen.testing.rigs import Rig, SerialRig, SimulatedRig
from rfgen.testing.treatment import Treatment

__all__ = [
    "Command",
    "Lacking",
    "NotReached",
    "NotRead",
    "PutFault",
    "Refused",
    "Rig",
    "Sample",
    "SerialRig",
    "SimulatedRig",
    "State",
    "Treatment",
]
