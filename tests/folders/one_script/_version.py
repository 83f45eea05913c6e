"""The version."""
