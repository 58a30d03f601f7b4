"""Other people's implementations of the same models, with the same weights: what Triptych's are held against."""
