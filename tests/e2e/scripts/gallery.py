"""A page with a gallery of 100 images."""

import io

import numpy as np
import streamlit as st
from PIL import Image

from dashboard.components.gallery.gallery import gallery

sheet = io.BytesIO()
Image.fromarray(np.arange(280 * 280, dtype=np.uint32).reshape(280, 280).astype(np.uint8)).save(sheet, "PNG")
captions, marks = [f"{i} → 9" for i in range(100)], [i % 3 > 0 for i in range(100)]
got = gallery("grid", sheet.getvalue(), (28, 28), 100, captions, marks)
st.html(f"<i id='got'>chosen: {got}</i>")
