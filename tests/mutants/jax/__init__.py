"""The implementations in impls/jax, and beside them their mutants."""
