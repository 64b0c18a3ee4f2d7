"""Tools that act on the canvas, one file each; base.py says what a tool is."""
