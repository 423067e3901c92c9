"""The field plant: bio-heat and quasi-static electric field round a needle, axisymmetric, by finite volumes.

Everything numerical needs numba (the extra `rfgen[field]`); geometry and tissues do not. Lengths in metres, z along
the needle with 0 in the middle of the active part, its tip at negative z and its shaft going to positive z.
"""
