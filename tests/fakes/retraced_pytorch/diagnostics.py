from __future__ import annotations

from impls.pytorch.diagnostics import PytorchDiagnostics

DIAGNOSTICS = PytorchDiagnostics
