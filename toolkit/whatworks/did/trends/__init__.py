"""Effects by event time, whoever found them: averages, and what trends that part would do."""
