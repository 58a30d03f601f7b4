from tests.verdicts.slowed import plant

BACKEND = plant("pytorch", 0.05, __name__)
