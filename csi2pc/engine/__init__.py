"""The loops: train, evaluate, infer, demo. Each can be read from top to bottom and called by a test."""
