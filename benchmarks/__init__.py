"""Side-by-side speed measurements (`make bench`), and the baselines they are measured against."""
