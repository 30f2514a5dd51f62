"""Examples augmented to be looked at: pictures, sounds, texts and rows of tables, a file each."""
