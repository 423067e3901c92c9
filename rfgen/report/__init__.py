"""What a person reads after a run: the page and the picture."""
