"""Items in folders: images and texts by class and split."""
