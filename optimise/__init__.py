"""What to do: the linear programmes that allocate capacities, paired with the model."""
