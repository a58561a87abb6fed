"""What an agency lets its own roles do, one file per pack, read by `policies.packs`."""
