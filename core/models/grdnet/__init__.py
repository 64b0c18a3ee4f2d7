"""GRD-Net: a residual generative network, its critic, and a network that judges inside a region of interest."""
