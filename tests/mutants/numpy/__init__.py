"""The implementations in impls/numpy, and beside them their mutants."""
