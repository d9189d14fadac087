"""What is wrong with data: copies, and the digests that find them."""
