from __future__ import annotations

from impls.jax.diagnostics import JaxDiagnostics

DIAGNOSTICS = JaxDiagnostics
