"""The implementations in impls/tensorflow, and beside them their mutants."""
