"""The canvas: one widget that shows an image with what is laid over it, and takes the tools that paint on it."""
