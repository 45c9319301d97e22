"""The API: HTTP in, commands out, views back."""
