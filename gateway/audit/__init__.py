"""The log: leaves, sequencer, tiles, checkpoints, promises."""
