"""The results of a run, and how they are shown. Renderers return text and do not know files."""
