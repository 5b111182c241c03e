"""What training is like: steps judged, tape beside residuals, speed."""
