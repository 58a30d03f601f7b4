from tests.verdicts.slowed import borrow

borrow("jax", __name__.rpartition(".")[0])
