from tests.verdicts.slowed import borrow

borrow("pytorch", __name__.rpartition(".")[0])
