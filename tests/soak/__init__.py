"""The whole of a live city for an hour: what grows, and what is left over; `python -m tests.soak`."""
