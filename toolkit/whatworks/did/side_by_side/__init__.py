"""Every method that a design permits, side by side, and why their answers differ."""
