"""Picture files to upright RGB pixels and back, and the drawing of angles."""
