"""The law against Cedar, pycasbin and Rego, and against itself at a thousand times the rules.

One module holds each group of rows and has `run(bench)`; `GROUPS` in `__main__` lists them.
"""
