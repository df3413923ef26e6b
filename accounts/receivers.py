"""Sign-in receivers."""
