from tests.verdicts.slowed import plant

BACKEND = plant("jax", 0.0, __name__)
