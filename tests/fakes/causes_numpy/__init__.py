"""NumPy, with a workload that takes its time for a known cause in each variant."""
