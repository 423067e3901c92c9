"""What control wants: from readings to watts. It asks; `rfgen.safety` permits. Neither imports the other."""
