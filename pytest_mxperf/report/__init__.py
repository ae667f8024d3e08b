"""The results of a run, and the formats that show them. Renderers return text and do not know files."""
