"""Linear algebra on batches of matrices.

Where a function wants a symmetric, triangular or well-conditioned matrix, the definition makes it of one with independent
entries: so the gradient by each entry has one meaning, and rounding errors are not magnified by much.
"""

from __future__ import annotations

from suite.workloads.definition import Cost, Input, Output, Problem, Tensor, workload
from suite.workloads.distributions import Normal, Uniform

SOLVES = {
    "tiny": dict(batch=2, size=4, columns=3),
    "small": dict(batch=64, size=16, columns=8),
    "medium": dict(batch=16, size=128, columns=64),
    "large": dict(batch=4, size=512, columns=256),
}
TALL = {
    "tiny": dict(batch=2, rows=5, columns=3),
    "small": dict(batch=64, rows=32, columns=16),
    "medium": dict(batch=16, rows=256, columns=128),
    "large": dict(batch=4, rows=1024, columns=512),
}
SQUARE = {
    "tiny": dict(batch=3, size=4),
    "small": dict(batch=64, size=16),
    "medium": dict(batch=16, size=128),
    "large": dict(batch=4, size=512),
}


@workload(family="linalg")
class CholeskySolve:
    """Solution of a positive definite system by its Cholesky factor.

    y[b] = A⁻¹ rhs[b] with A = matrix[b] · matrix[b]ᵀ / N + I, where N is the size

    The product and the factorisation belong to the computation. With independent normal entries the eigenvalues of A lie
    between 1 and about 5. Source: Golub and Van Loan 2013, Matrix computations, section 4.2.
    """

    problems = SOLVES

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {
            "matrix": Input("B N M", (p.batch, p.size, p.size)),
            "rhs": Input("B N K", (p.batch, p.size, p.columns)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B N K", (p.batch, p.size, p.columns))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The product; the factor; two triangular systems.
        one = 2 * p.size**3 + p.size**3 / 3 + 2 * p.size**2 * p.columns
        return Cost(flops=p.batch * one, reduction=p.size)


@workload(family="linalg")
class TriangularSolve:
    """Solution of a triangular system by substitution.

    y[b] = T⁻¹ rhs[b], where T is the lower (or else the upper) triangle of I + matrix[b]

    The triangle has its diagonal; the entries beyond it are not read, and have no gradient. Source: Golub and Van Loan
    2013, Matrix computations, section 3.1.
    """

    problems = {name: {**sizes, "lower": True} for name, sizes in SOLVES.items()} | {
        "tiny.upper": dict(batch=2, size=4, columns=3, lower=False)
    }

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        # The inverse of a triangle grows with its size, but by no more than a factor where its entries are this small.
        spread = 0.8 * p.size**-0.5
        return {
            "matrix": Input("B N M", (p.batch, p.size, p.size), Uniform(-spread, spread)),
            "rhs": Input("B N K", (p.batch, p.size, p.columns)),
        }

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B N K", (p.batch, p.size, p.columns))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        return Cost(flops=p.batch * p.size**2 * p.columns, reduction=p.size)


@workload(family="linalg")
class Qr:
    """Factorisation into orthonormal columns and an upper triangle.

    y[b] = q[b] · r[b] is the matrix, qᵀ q = I, and r is upper triangular with a positive diagonal

    As many columns in q as in the matrix; the positive diagonal makes the factors unique. Source: Golub and Van Loan 2013,
    Matrix computations, section 5.2, theorem 5.2.3.
    """

    problems = TALL

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.rows >= p.columns else f"{p.columns} columns of {p.rows} rows cannot be independent"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B N M", (p.batch, p.rows, p.columns))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {
            "q": Output("B N M", (p.batch, p.rows, p.columns)),
            "r": Output("B L M", (p.batch, p.columns, p.columns)),
        }

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Householder's factorisation, and as much again to form q: Golub and Van Loan, section 5.2.2. A tall matrix of
        # normal entries is well conditioned; one of N by N has a condition number of the order of N (Edelman 1988).
        return Cost(
            flops=p.batch * (4 * p.rows * p.columns**2 - 4 * p.columns**3 / 3),
            reduction=p.rows,
            condition=1.0 if p.rows >= 1.5 * p.columns else float(p.columns),
        )


@workload(family="linalg")
class Eigh:
    """Eigenvalues, in rising order, and eigenvectors of a symmetric matrix.

    y[b] = vectors[b] · diag(values[b]) · vectors[b]ᵀ = (x[b] + x[b]ᵀ) / 2 + diag(1, 2, … N), where N is the size

    Column k of `vectors` is the unit vector of value k, with a sign that makes its entry k positive. The diagonal keeps the
    values about 1 apart: vectors of values that meet are not defined. Source: Golub and Van Loan 2013, Matrix computations,
    section 8.1.
    """

    problems = SQUARE

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B N M", (p.batch, p.size, p.size), Normal(0.5 * p.size**-0.5))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {
            "values": Output("B K", (p.batch, p.size)),
            "vectors": Output("B N K", (p.batch, p.size, p.size)),
        }

    @staticmethod
    def cost(p: Problem) -> Cost:
        # Symmetric QR with vectors: Golub and Van Loan, section 8.3. A vector turns by the error of the matrix, whose norm
        # is about N, over the gap to the next value, about 1 (theorem 8.1.12).
        return Cost(flops=9 * p.batch * p.size**3, reduction=p.size, condition=float(p.size))


@workload(family="linalg")
class Svdvals:
    """Singular values, in falling order.

    y[b,k] = √ of the k-th largest eigenvalue of x[b]ᵀ x[b]

    No vectors. Source: Golub and Van Loan 2013, Matrix computations, section 2.4.
    """

    problems = TALL

    @staticmethod
    def check(p: Problem) -> str | None:
        return None if p.rows >= p.columns else "transpose it: the definition has no more columns than rows"

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B N M", (p.batch, p.rows, p.columns))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B M", (p.batch, p.columns))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # To two diagonals: Golub and Van Loan, section 5.4. The gradient needs the vectors: figure 8.6.1, Golub-Reinsch.
        # These turn by the error of the matrix, whose norm is √N + √M, over the gap of two values: M of them lie in 2 √M.
        return Cost(
            flops=p.batch * (4 * p.rows * p.columns**2 - 4 * p.columns**3 / 3),
            reduction=p.rows,
            gradient_flops=p.batch * (16 * p.rows * p.columns**2 + 8 * p.columns**3),
            gradient_condition=max(1.0, (p.rows**0.5 + p.columns**0.5) * p.columns**0.5 / 2),
        )


@workload(family="linalg")
class Logdet:
    """Logarithm of the absolute value of a determinant.

    y[b] = log |det(2 I + x[b])|

    With entries of variance 1 / N the eigenvalues of 2 I + x lie about 2, within 1. Source: Golub and Van Loan 2013, Matrix
    computations, section 3.2 (the determinant as the product of the pivots).
    """

    problems = SQUARE

    @staticmethod
    def tensors(p: Problem) -> dict[str, Tensor]:
        return {"x": Input("B N M", (p.batch, p.size, p.size), Normal(p.size**-0.5))}

    @staticmethod
    def outputs(p: Problem) -> dict[str, Tensor]:
        return {"y": Output("B", (p.batch,))}

    @staticmethod
    def cost(p: Problem) -> Cost:
        # The gradient is the inverse: 2 N³ with the factors.
        return Cost(flops=p.batch * 2 * p.size**3 / 3, reduction=p.size, gradient_flops=2 * p.batch * p.size**3)
