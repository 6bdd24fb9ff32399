"""What is said back: replies, chips, suggestions, and the phrases that they are made of."""
