"""Assignment as an instrument: effects of taking the treatment up, and of its dose."""
