"""The window and the command line of Flawscope: no torch, not even indirectly."""
