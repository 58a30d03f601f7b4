from __future__ import annotations

from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from impls.interface import implements
from impls.pytorch.models.layers import MaskedDropout
from suite.workloads.models.definition import training_only


class Block(nn.Module):
    def __init__(self, inputs, channels, kernel, dilation, dropout):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, channels, kernel, dilation=dilation)
        self.conv2 = nn.Conv1d(channels, channels, kernel, dilation=dilation)
        self.shortcut = nn.Identity() if inputs == channels else nn.Conv1d(inputs, channels, 1)
        self.dropout = MaskedDropout(dropout)
        self.zeros = (kernel - 1) * dilation

    def forward(self, x, mask1=None, mask2=None):
        y = self.dropout(F.relu(self.conv1(F.pad(x, (self.zeros, 0)))), mask1)
        y = self.dropout(F.relu(self.conv2(F.pad(y, (self.zeros, 0)))), mask2)
        return F.relu(self.shortcut(x) + y)


@implements("tcn")
class Tcn(nn.Module):
    checkpointed = False

    def __init__(self, *, inputs, channels, blocks, kernel, classes, dropout):
        super().__init__()
        widths = [inputs, *[channels] * blocks]
        self.blocks = nn.ModuleList(Block(widths[n], channels, kernel, 2**n, dropout) for n in range(blocks))
        self.final = nn.Conv1d(channels, classes, 1)

    def forward(self, x, *masks):
        for number, block in enumerate(self.blocks):
            given = x, *masks[2 * number : 2 * number + 2]
            x = checkpoint(block, *given, use_reentrant=False) if self.checkpointed else block(*given)
        return self.final(x).transpose(1, 2)


@implements("tcn", variant="checkpointed", unsupported=training_only)
class CheckpointedTcn(Tcn):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
