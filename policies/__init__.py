"""The law that gateway and agents obey. Pure: imports nothing of ours, no clock, no randomness.

`read_policy` gives an owner's policy from its document; `SharingLayer`, `GuardrailLayer` and `AgencyLayer` compile
rules; `decide(layers, request)` answers `Permit` or `Deny`; `compare(old, new)` says whether a change only narrows.
"""
