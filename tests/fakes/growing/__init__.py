"""`linear`, right but with work that is quadratic in the batch."""
