"""Records to tables, tables to CSV, Markdown, LaTeX and the terminal."""
