"""Chatting in the browser: a connector like the others, whose platform is the console itself."""
