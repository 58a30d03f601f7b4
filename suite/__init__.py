"""What is measured, and how. Nothing here imports a framework."""
