"""The addresses of the API, one module per thing that they are about."""
