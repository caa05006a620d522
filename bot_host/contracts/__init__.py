"""Floor 2: the verbs. What each part of the house promises to the others."""
