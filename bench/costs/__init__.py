"""The cost table: what every baseline costs on every task, and how other counters do."""
