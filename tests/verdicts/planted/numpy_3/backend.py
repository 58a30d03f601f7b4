from tests.verdicts.slowed import plant

BACKEND = plant("numpy", 0.03, __name__)
