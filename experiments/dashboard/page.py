"""The script that Streamlit runs again at every click."""

from importlib import import_module

# Streamlit runs this file as a script: it has no package that imports could be relative to. Worker processes import it under another
# name, and must not lay out a page.
if __name__ == "__main__":
    import_module(f"{'countersmuggling'}.experiments.dashboard.app").page()
