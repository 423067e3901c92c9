"""An independent reference for the field plant: finite elements with scikit-fem, axisymmetric and in three
dimensions.

Shares no code with `sim.field`: its own mesh, its own weak forms, its own steps in time. What it shares is the problem
that is posed: the needle's dimensions, the tissues' figures (`sim.tissue`), the boundary.
"""
