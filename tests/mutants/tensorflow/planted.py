from __future__ import annotations

from tests.mutants.planting import plant

plant(__package__, "tensorflow")
