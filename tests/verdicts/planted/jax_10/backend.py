from tests.verdicts.slowed import plant

BACKEND = plant("jax", 0.1, __name__)
