"""Annotation: lists compared by people, and what is made of their votes and of feedback in chats."""
