"""Encoders' files: found, hashed, measured, and converted from the original code's."""
