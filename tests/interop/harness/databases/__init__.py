"""What is different from one engine to another, where scenarios run and where their effects are looked for."""
