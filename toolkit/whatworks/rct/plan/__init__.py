"""Before a trial is run: what it could find, on which noise, in closed form and by simulation."""
