"""What training needs of every task: steps, optimizers, edits of the network."""
