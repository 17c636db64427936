"""Emulated ssh: a program that takes OpenSSH's arguments, and runs commands on a slave."""
