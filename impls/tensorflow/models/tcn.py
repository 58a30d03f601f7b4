from __future__ import annotations

from functools import partial

import tensorflow as tf

from impls.interface import implements
from impls.tensorflow.models.layers import Conv1d, dropout
from suite.workloads.models.definition import training_only


class Block(tf.Module):
    def __init__(self, inputs, channels, kernel, dilation, rate):
        super().__init__()
        self.conv1 = Conv1d(inputs, channels, kernel, dilation=dilation)
        self.conv2 = Conv1d(channels, channels, kernel, dilation=dilation)
        self.shortcut = None if inputs == channels else Conv1d(inputs, channels, 1)
        self.zeros, self.rate = (kernel - 1) * dilation, rate

    def __call__(self, x, masks, training):
        y = x
        for number, convolve in enumerate((self.conv1, self.conv2)):
            y = tf.nn.relu(convolve(tf.pad(y, [[0, 0], [self.zeros, 0], [0, 0]])))
            y = dropout(y, masks[number], self.rate) if training else y
        return tf.nn.relu((self.shortcut(x) if self.shortcut else x) + y)


@implements("tcn")
class Tcn(tf.Module):
    checkpointed = False

    def __init__(self, *, inputs, channels, blocks, kernel, classes, dropout):
        super().__init__()
        widths = [inputs, *[channels] * blocks]
        self.blocks = [Block(widths[n], channels, kernel, 2**n, dropout) for n in range(blocks)]
        self.final = Conv1d(channels, classes, 1)

    def __call__(self, x, *masks, training):
        for number, block in enumerate(self.blocks):
            # Bound, not passed: recompute_grad takes every argument for one that a gradient flows to.
            block = partial(block, masks=masks[2 * number : 2 * number + 2], training=training)
            x = tf.recompute_grad(block)(x) if self.checkpointed else block(x)
        return self.final(x)


@implements("tcn", variant="checkpointed", unsupported=training_only)
class CheckpointedTcn(Tcn):
    """Keeps the input of each block alone; the backward pass computes the rest again."""

    checkpointed = True
