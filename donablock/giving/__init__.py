"""Giving: what the scripts do, without their words. Nothing here prints."""
