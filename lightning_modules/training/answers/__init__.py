"""What tasks of other kinds than classification say of an item."""
