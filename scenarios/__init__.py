"""What is assumed: scenario files, evidence-graded parameters, reference tables."""
