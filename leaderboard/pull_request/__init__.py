"""What a pull request proposes, whether it is complete, and what measuring it again says.

``sides`` reads the clone before and after; ``changed`` says which models that concerns; ``checks`` says what is
missing; ``review`` holds what was measured against what was proposed.
"""
