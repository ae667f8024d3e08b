"""Judges one model by all of its gates: counts it, compares it with its baseline, times it. Knows nothing of pytest."""
