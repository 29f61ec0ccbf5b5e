"""Evidence that anyone can check: counterexamples with all that is needed to replay them on the deployed model.

`verify.py` stands alone: it needs nothing of this package.
"""
