from tests.verdicts.slowed import plant

BACKEND = plant("pytorch", 0.03, __name__)
