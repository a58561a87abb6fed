"""The relay: its protocol, the engine inside it, and the gateway's client. Import the part you need, not this."""
