from tests.verdicts.slowed import plant

BACKEND = plant("pytorch", 0.0, __name__)
