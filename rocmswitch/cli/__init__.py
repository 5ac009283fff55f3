"""click parses, one operation is called, output.py prints."""
