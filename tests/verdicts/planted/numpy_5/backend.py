from tests.verdicts.slowed import plant

BACKEND = plant("numpy", 0.05, __name__)
