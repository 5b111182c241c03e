"""What is judged of each lesson: one function a side, which calls what a reader sees and names what comes out of it."""
