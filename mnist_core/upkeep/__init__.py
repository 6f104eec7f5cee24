"""What keeps a results folder safe: backups and their way back, findings and repairs, the room that runs take."""
