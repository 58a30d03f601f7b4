from __future__ import annotations

from impls.numpy.backend import BACKEND as BACKEND
