"""What a run leaves behind: the recording, how it is read back, and its summary."""
