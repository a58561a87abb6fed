"""Live pictures, measured: the relay against Janus, two hundred viewers, revocation, and the agent against ffmpeg.

One module holds each group of rows and has `run(bench)`; `GROUPS` in `__main__` lists them. Everything runs in a
network namespace of its own (`namespace`), for Janus wants an address that is no loopback interface's.
"""
