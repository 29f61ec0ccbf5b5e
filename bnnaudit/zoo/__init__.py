"""Networks that are built in: architectures by name, recipes that train them, and the data of the samples."""
