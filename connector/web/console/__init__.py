"""The pages of administrators, and the one page that everybody who signs in has."""
