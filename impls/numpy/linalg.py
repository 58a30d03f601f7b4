from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("cholesky_solve")
def cholesky_solve(matrix, rhs):
    size = matrix.shape[-1]
    a = matrix @ matrix.mT / size + np.eye(size, dtype=matrix.dtype)
    y = np.linalg.solve(a, rhs)

    def backward(dy):  # dy: B N K
        drhs = np.linalg.solve(a, dy)  # a is symmetric
        da = -drhs @ y.mT
        return (da + da.mT) @ matrix / size, drhs

    return y, backward


@implements("triangular_solve")
def triangular_solve(matrix, rhs, *, lower):
    triangle = np.tril if lower else np.triu
    t = triangle(matrix + np.eye(matrix.shape[-1], dtype=matrix.dtype))
    y = np.linalg.solve(t, rhs)

    def backward(dy):  # dy: B N K
        drhs = np.linalg.solve(t.mT, dy)
        return triangle(-drhs @ y.mT), drhs

    return y, backward


@implements("qr")
def qr(x):
    q, r = np.linalg.qr(x, mode="reduced")
    signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
    q, r = q * signs[..., None, :], r * signs[..., :, None]

    def backward(dq, dr):  # dq: B N M, dr: B L M
        """Seeger et al. 2017, Auto-differentiating linear algebra, section 3."""
        middle = r @ dr.mT - dq.mT @ q
        lower = np.tril(middle)
        symmetric = lower + np.tril(middle, k=-1).mT
        right = dq + q @ symmetric
        return (np.linalg.solve(r, right.mT).mT,)  # right · r⁻ᵀ

    return (q, r), backward


@implements("eigh")
def eigh(x):
    values, vectors = np.linalg.eigh((x + x.mT) / 2 + np.diag(np.arange(1, x.shape[-1] + 1, dtype=x.dtype)), UPLO="L")
    vectors = vectors * np.sign(np.diagonal(vectors, axis1=-2, axis2=-1))[..., None, :]

    def backward(dvalues, dvectors):  # dvalues: B K, dvectors: B N K
        """Giles 2008, Collected matrix derivative results for forward and reverse mode, section 3.1."""
        diagonal = np.eye(x.shape[-1], dtype=x.dtype)
        gaps = values[..., None, :] - values[..., :, None] + diagonal  # λ_j − λ_i; the diagonal is not used
        turned = (1 - diagonal) / gaps * (vectors.mT @ dvectors) + diagonal * dvalues[..., None, :]
        ds = vectors @ turned @ vectors.mT
        return ((ds + ds.mT) / 2,)

    return (values, vectors), backward


@implements("svdvals")
def svdvals(x):
    left, values, right = np.linalg.svd(x, full_matrices=False)

    def backward(dy):  # dy: B M
        return ((left * dy[..., None, :]) @ right,)

    return values, backward


@implements("logdet")
def logdet(x):
    shifted = 2 * np.eye(x.shape[-1], dtype=x.dtype) + x

    def backward(dy):  # dy: B
        return (dy[:, None, None] * np.linalg.inv(shifted).mT,)

    return np.linalg.slogdet(shifted)[1], backward
