"""In which mode a framework proves what it computes."""

PROVING = {"numpy": "eager", "pytorch": "eager", "tensorflow": "eager", "jax": "jit"}
"""The mode in which an implementation goes through everything: the quickest at computing much once. JAX without jit compiles
every operation by itself."""
