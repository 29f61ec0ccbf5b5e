"""GM1xx: symptoms of gradient masking."""
