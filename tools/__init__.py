"""What the house checks itself with: entries of the Makefile, never imported by the package."""
