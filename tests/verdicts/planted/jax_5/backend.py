from tests.verdicts.slowed import plant

BACKEND = plant("jax", 0.05, __name__)
