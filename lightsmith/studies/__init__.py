"""Many runs of one question: variants and what they measured."""
