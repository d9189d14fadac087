"""The machine that the verbs drive."""
