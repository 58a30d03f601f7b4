"""Models, one module a family; layers.py holds what they are made of."""
