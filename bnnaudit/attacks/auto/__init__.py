"""`auto`: chooses surrogate, temperature and loss on the images at hand, and spends its budget on those not yet fooled."""
