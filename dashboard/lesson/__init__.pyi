from .handwriting_view import show_handwriting as show_handwriting
from .league_view import show_league as show_league
from .people_view import show_people as show_people
from .rules_view import show_rules as show_rules
from .styles import STYLES as STYLES
from .tournament_view import show_tournament as show_tournament
from .vote_view import show_vote as show_vote
