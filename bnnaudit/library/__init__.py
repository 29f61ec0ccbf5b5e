"""What the interface for Python is made of: arguments, the report with its methods, and the state of the caller."""
