"""What the pages share and only Streamlit needs. Never imports torch."""
