from __future__ import annotations

from impls.numpy.diagnostics import NumpyDiagnostics

DIAGNOSTICS = NumpyDiagnostics
