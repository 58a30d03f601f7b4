from __future__ import annotations

import numpy as np

from impls.interface import implements


@implements("linear")
def linear(x, weight, bias):
    def backward(dy):  # dy: B O
        return dy @ weight, dy.T @ x, dy.sum(axis=0)

    return x @ weight.T + bias, backward


@implements("matmul")
def matmul(a, b):
    def backward(dy):  # dy: M N
        return dy @ b.T, a.T @ dy

    return a @ b, backward


@implements("batched_matmul")
def batched_matmul(a, c):
    def backward(dy):  # dy: B M N
        return dy @ c.swapaxes(1, 2), a.swapaxes(1, 2) @ dy

    return a @ c, backward


@implements("einsum")
def einsum(a, c):
    columns = c.reshape(*c.shape[:2], -1)  # each c[b] as a matrix

    def backward(dy):  # dy: B I K L
        dy = dy.reshape(*dy.shape[:2], -1)
        return dy @ columns.swapaxes(1, 2), (a.swapaxes(1, 2) @ dy).reshape(c.shape)

    return (a @ columns).reshape(*a.shape[:2], *c.shape[2:]), backward


@implements("embedding")
def embedding(ids, table):
    def backward(dy):  # dy: B T D
        dtable = np.zeros_like(table)
        np.add.at(dtable, ids, dy)
        return None, dtable

    return table[ids], backward


@implements("embedding", variant="one_hot")
def embedding_one_hot(ids, table):
    chosen = np.eye(len(table), dtype=table.dtype)[ids.ravel()]  # B·T V

    def backward(dy):  # dy: B T D
        return None, chosen.T @ dy.reshape(-1, table.shape[1])

    return (chosen @ table).reshape(*ids.shape, -1), backward
