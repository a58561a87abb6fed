"""The main job, driven headless through the pages the way four people would; `python -m tests.smoke`."""
