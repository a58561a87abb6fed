"""The law that gateway and agents obey. Pure: imports nothing of ours, no clock, no randomness, no I/O."""
