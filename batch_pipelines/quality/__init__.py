"""What makes an output good: measuring items, checking and judging answers, and what follows."""
