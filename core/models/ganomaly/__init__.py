"""GANomaly: an adversarial autoencoder judged by the distance of two latents."""
