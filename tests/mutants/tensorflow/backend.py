from __future__ import annotations

from impls.tensorflow.backend import BACKEND as BACKEND
