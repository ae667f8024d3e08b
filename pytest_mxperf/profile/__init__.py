"""Where a model's time goes: the time of each layer, why it has grown, and how far it is from the processor's peak."""
