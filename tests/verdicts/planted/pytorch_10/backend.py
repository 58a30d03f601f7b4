from tests.verdicts.slowed import plant

BACKEND = plant("pytorch", 0.1, __name__)
