"""A small scenario for the engine's own tests: a counter that two processes increment.

Each process reads the stream's version and appends the next number. Everything the engine can do
wrong to it is done; the version check keeps the numbers dense all the same.
"""
