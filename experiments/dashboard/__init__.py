"""The dashboard: choose or edit a scenario, move levers, run, compare, look, download.

``scenario_text`` turns levers into a scenario file and back, ``working`` runs and packs results, ``app`` lays out the page, ``page`` is the
script that Streamlit runs, ``command`` starts the server. The first two know nothing of Streamlit.
"""
