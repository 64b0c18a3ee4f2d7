"""PRFF-AD: progressive reconstruction and hierarchical feature fusion (Sensors 2023, 23(21), 8750)."""
