"""PyTorch, with a workload that a compiler cannot keep as one graph, or not keep, in each variant."""
