from tests.verdicts.slowed import plant

BACKEND = plant("numpy", 0.1, __name__)
