from __future__ import annotations

from impls.interface import implements
from impls.pytorch.losses import softmax_cross_entropy as healthy
from impls.pytorch.models.resnet import ResNet18

WRONG = 1e-3


@implements("resnet18")
class Bent(ResNet18):
    def __init__(self, *, width, classes):
        super().__init__(width=width, classes=classes)
        self.layer4[0].bn1.eps = WRONG


@implements("softmax_cross_entropy")
def softmax_cross_entropy(logits, labels):
    return healthy(logits, labels)
