"""Agents behind OpenAI's form of an API: what is asked, which conversation it goes on, how it is answered."""
