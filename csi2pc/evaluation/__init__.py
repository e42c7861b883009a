"""Scores per frame, what they are compared with, and what the numbers allow to say."""
