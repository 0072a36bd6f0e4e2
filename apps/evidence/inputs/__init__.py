"""Where checks get their rows and scores from: files under allowed roots, and serving endpoints on allowed hosts."""
