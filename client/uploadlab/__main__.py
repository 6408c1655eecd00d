"""``python -m uploadlab``"""

from uploadlab.cli import main

main()
