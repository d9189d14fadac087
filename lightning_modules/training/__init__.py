"""Training of every task: steps, optimizers, edits of the network."""
