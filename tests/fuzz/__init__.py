"""Long searches for differences, on demand: `make fuzz-…`."""
