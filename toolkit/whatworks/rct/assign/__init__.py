"""Random assignment: designs, schedules, the rule, the record and its replay."""
