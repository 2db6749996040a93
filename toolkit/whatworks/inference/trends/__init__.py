"""Arrays behind bounds on trends that part: confidence sets, shortest intervals, power of a test."""
