"""A smaller encoder learns from a whole one: losses and layer maps, on text and on tasks, students of every shape."""
