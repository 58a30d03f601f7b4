"""PyTorch with a ResNet-18 that has a wrong eps in its seventh block."""
