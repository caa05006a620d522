"""The addresses under `/api/v1`, a module for each kind of thing; `make_router` of each takes the hub."""
