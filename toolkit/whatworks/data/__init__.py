"""Real police files in: readers, places, exposure, known breaks."""
