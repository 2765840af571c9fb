"""From files to examples: a reader a format, and guesses of what files hold."""
