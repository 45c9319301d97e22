"""Provisioners start workers that the farm has requested, each kind in its own module."""
