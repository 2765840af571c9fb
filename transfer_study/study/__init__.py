"""WHAT a study is: immutable values, read from YAML and planned; no data, no torch, no Ray."""
