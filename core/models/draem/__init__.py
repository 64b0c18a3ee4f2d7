"""DRAEM: an autoencoder and a U-Net, the baseline that both core models grew from."""
