"""What both papers report, run again: an experiment is data (`registry`), its trainings are ordinary projects."""
