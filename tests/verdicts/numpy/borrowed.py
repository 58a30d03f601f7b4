from tests.verdicts.slowed import borrow

borrow("numpy", __name__.rpartition(".")[0])
