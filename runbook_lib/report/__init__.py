"""From ten notebooks to one page: join, execute with papermill, read the outputs, render, export."""
