"""The loops of a training: when it validates, and how many steps it makes in a row."""
