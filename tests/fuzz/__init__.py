"""Mutates checkpoints, and holds what becomes of them against what may.

The command: ``python -m tests.fuzz --mutants 10000 --seed 1``. Mutant n of a seed is always the same, so ``--only n``
repeats one.
"""
