"""The peers: one client library a file."""
