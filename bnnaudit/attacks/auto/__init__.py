"""`auto`: chooses surrogate, temperature and loss on the images at hand, and spends its budget on those that still stand."""
