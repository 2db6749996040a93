"""Who was lost on the way, and what the effect could be in spite of it."""
