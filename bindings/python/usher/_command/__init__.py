"""`python -m usher`: looks into stores as the C command does, and shows a morning at a desk."""
