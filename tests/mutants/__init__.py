"""Faults planted into implementations and oracles, one file of them a family, to see that every one is caught.

`python -m tests.mutants [FAMILY …]` plants them and prints what caught each.
"""
