from .fit import fit_sklearn as fit_sklearn
