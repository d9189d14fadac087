"""Several processes of one run, and what starts them."""
