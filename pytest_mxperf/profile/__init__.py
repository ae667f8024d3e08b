"""Where a model's time goes: layer times, what made them grow, and how far they are from the processor's limits."""
