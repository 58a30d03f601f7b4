from __future__ import annotations

import torch

from impls.interface import implements


def _identity(matrix):
    return torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)


@implements("cholesky_solve")
def cholesky_solve(matrix, rhs):
    a = matrix @ matrix.mT / matrix.shape[-1] + _identity(matrix)
    return torch.cholesky_solve(rhs, torch.linalg.cholesky(a, upper=False), upper=False)


@implements("triangular_solve")
def triangular_solve(matrix, rhs, *, lower):
    return torch.linalg.solve_triangular(
        matrix + _identity(matrix), rhs, upper=not lower, left=True, unitriangular=False
    )


@implements("qr")
def qr(x):
    q, r = torch.linalg.qr(x, mode="reduced")
    signs = r.diagonal(dim1=-2, dim2=-1).sign()
    return q * signs[..., None, :], r * signs[..., :, None]


@implements("eigh")
def eigh(x):
    diagonal = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device).diag()
    values, vectors = torch.linalg.eigh((x + x.mT) / 2 + diagonal, UPLO="L")
    return values, vectors * vectors.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]


@implements("svdvals")
def svdvals(x):
    return torch.linalg.svdvals(x)


@implements("logdet")
def logdet(x):
    return torch.linalg.slogdet(2 * _identity(x) + x).logabsdet
