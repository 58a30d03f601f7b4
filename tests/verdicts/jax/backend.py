from tests.verdicts.slowed import backend

BACKEND = backend("jax")
