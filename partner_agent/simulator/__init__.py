"""Simulated cameras for the demo and the tests. Started as a command only."""
