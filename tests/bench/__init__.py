"""Benches: figures against peers on the machine at hand, run by `make bench-…`; a missed gate ends with a status."""
