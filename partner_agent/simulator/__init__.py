"""Simulated cameras for the demo and for tests: real footage, real RTSP, real passwords, and faults on demand.

Started as a command only (`lenspact-agent simulate`); no part of the agent imports it.
"""
