"""How each framework computes a workload: the only place that imports a framework."""
