"""Keys: who may use a farm that others can reach. How they look, and the file that knows them."""
