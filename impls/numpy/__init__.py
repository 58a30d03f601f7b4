"""NumPy: the from-scratch baseline, and in float64 the oracle."""
