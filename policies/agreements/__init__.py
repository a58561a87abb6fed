"""Agreement envelopes, one file per version of the memorandum of understanding, read by `policies.packs`."""
