"""Models and what runs them: the catalogue, the weights' sources, the engines."""
