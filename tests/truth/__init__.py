"""Truth that others wrote: results which no code of this project had a part in, one module a family."""
