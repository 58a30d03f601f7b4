"""The implementations in impls/pytorch, and beside them their mutants."""
