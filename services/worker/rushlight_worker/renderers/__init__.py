"""What turns an attempt into a command line and reads what the renderer says; one file for each."""
