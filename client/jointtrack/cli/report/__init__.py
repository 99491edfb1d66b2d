"""A set of pictures to a report on paper: ``jointtrack report``."""
