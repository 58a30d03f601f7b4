from tests.verdicts.slowed import plant

BACKEND = plant("jax", 0.03, __name__)
