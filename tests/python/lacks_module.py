"""A bolt whose module is not on this machine."""

import no_such_module_anywhere

no_such_module_anywhere.run()
