"""Geometry on clouds ``(B, N, 3)`` with masks ``(B, N)``, in torch: distances, neighbours, sampling, rigid motion."""
