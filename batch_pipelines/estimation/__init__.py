"""What a batch job will cost and take, whether it may start, and how right that was: values in, values out."""
