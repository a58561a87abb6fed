"""Clip requests, resumable intake, and packages anyone can check."""
