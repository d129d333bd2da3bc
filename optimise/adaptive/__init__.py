"""Plans that reckon with the smugglers' answer: what is displaced, what the answer is, and how to plan with it."""
