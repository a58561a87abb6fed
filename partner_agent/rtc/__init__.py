"""The media hooks: RTP, SRTP, UDP batching, ICE on one port. The only importer of aiortc and aioice, for both ends."""
