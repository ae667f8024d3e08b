"""What a run found out, and how it is shown. Renderers return text and know no files."""
