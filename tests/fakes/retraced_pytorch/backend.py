from __future__ import annotations

from impls.pytorch.backend import PytorchBackend

BACKEND = PytorchBackend
