"""Physics of a radiofrequency ablation bench: plants, electrodes, tissue, sensors, output stage, faults.

Knows watts, temperatures and seconds. Knows nothing of treatments, interlocks or serial lines.
"""
