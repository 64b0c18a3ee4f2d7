"""Everything that Flawscope knows, without a window: no Qt anywhere below."""
