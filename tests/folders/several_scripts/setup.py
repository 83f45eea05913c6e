"""Builds the package."""
