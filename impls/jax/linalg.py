from __future__ import annotations

import jax
import jax.numpy as jnp

from impls.interface import implements


def _identity(matrix):
    return jnp.eye(matrix.shape[-1], dtype=matrix.dtype)


@implements("cholesky_solve")
def cholesky_solve(matrix, rhs):
    a = matrix @ matrix.mT / matrix.shape[-1] + _identity(matrix)
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(a, lower=True), rhs)


@implements("triangular_solve")
def triangular_solve(matrix, rhs, *, lower):
    return jax.scipy.linalg.solve_triangular(matrix + _identity(matrix), rhs, trans=0, lower=lower, unit_diagonal=False)


@implements("qr")
def qr(x):
    q, r = jnp.linalg.qr(x, mode="reduced")
    signs = jnp.sign(jnp.diagonal(r, axis1=-2, axis2=-1))
    return q * signs[..., None, :], r * signs[..., :, None]


@implements("eigh")
def eigh(x):
    diagonal = jnp.diag(jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype))
    values, vectors = jnp.linalg.eigh((x + x.mT) / 2 + diagonal, UPLO="L", symmetrize_input=False)
    return values, vectors * jnp.sign(jnp.diagonal(vectors, axis1=-2, axis2=-1))[..., None, :]


@implements("svdvals")
def svdvals(x):
    return jnp.linalg.svd(x, full_matrices=False, compute_uv=False, hermitian=False)


@implements("logdet")
def logdet(x):
    return jnp.linalg.slogdet(2 * _identity(x) + x, method="lu").logabsdet
