"""What we learn: runs, comparisons, reports and the command line."""
