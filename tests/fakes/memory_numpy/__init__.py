"""NumPy, with a workload that takes more memory than it needs in each variant."""
