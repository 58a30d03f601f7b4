"""A cross-check of gradient checkers: each is given the same wrong gradients, and says what it thinks of them.

`python -m tests.checkers` prints the table and writes `docs/checkers.md`.
"""
