"""A site's pictures inside a WebSocket, where its network lets nothing else out."""
