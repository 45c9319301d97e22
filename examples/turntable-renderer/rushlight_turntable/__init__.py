"""A renderer for Rushlight: a model in Wavefront's OBJ form, turned once around."""
