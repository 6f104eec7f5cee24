from . import pad_answers as pad_answers
