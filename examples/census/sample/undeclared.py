"""Latin-1 without saying so: Python takes it for UTF-8 and refuses."""

GREETING = "Grüß Gott"
