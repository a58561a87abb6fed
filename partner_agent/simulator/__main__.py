"""`python -m partner_agent.simulator`: the same as `lenspact-agent simulate`."""

import sys

from partner_agent.simulator.cli import main

sys.exit(main())
