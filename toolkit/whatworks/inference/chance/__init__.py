"""What chance could have assigned instead, and tests that rest on it."""
