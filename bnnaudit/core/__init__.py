"""What travels between the parts: plain frozen values. Nothing here imports another part of the package."""
