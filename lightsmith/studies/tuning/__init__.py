"""Find a learning rate and a batch size to begin with, in a few steps of training."""
